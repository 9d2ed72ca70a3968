"""Tools, from settings to what they cannot do."""
