"""Regular expressions that every projection of a payload understands alike."""
