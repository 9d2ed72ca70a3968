"""Faults by the hundred: what must hold when processes, stores and networks break."""
