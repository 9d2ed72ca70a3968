"""Running handlers: in this process, in worker processes, on other machines."""
