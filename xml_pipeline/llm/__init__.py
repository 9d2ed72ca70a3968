"""Language models: one protocol, the wires that speak it, and providers that wrap providers."""
