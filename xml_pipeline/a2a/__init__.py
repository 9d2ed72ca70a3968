"""A2A: agents elsewhere as listeners."""
