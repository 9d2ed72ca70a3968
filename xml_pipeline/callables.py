"""What may be called, and what that gives."""

from __future__ import annotations

import inspect


def is_async(handler: object) -> bool:
    """Tell whether calling this gives something to await, or an asynchronous generator."""
    call = inspect.unwrap(handler) if callable(handler) else handler
    while hasattr(call, "func"):  # functools.partial
        call = call.func
    if not inspect.isroutine(call):
        call = type(call).__call__
    return inspect.iscoroutinefunction(call) or inspect.isasyncgenfunction(call)
