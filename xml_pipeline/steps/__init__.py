"""Steps: synchronous functions that take a message from one station to the next."""
