"""One module for each command; ``program`` knows their names."""
