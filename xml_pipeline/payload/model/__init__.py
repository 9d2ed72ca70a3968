"""The model of a payload: what its fields may hold, and how a dataclass says so."""
