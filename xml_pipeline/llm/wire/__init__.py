"""What the wires have in common: an address, a key, HTTP, patience, and how replies are read."""
