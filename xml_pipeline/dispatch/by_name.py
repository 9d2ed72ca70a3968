"""What is known by its import path on both sides of a pipe: handlers and payload classes."""

from __future__ import annotations

import sys
from typing import Any

from xml_pipeline.listener import Listener
from xml_pipeline.names import import_path


def name_of(found: Any) -> str:
    """Return what ``path_of`` has found to be right when the listener was put in place."""
    return f"{found.__module__}:{found.__qualname__}"


def path_of(found: object) -> str:
    """Return ``module:name`` of a function or class.

    Raises ValueError where importing that name would not give this very object.
    """
    module, name = getattr(found, "__module__", None), getattr(found, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        raise ValueError(f"{found!r} has no name that it could be imported by")
    if module == "__main__":
        raise ValueError(f"{name} stands in the program that was started: put it into a module")
    if not name.isidentifier():
        raise ValueError(f"{name} is not at the top level of {module}")
    path = str(import_path(f"{module}:{name}"))
    if getattr(sys.modules.get(module), name, None) is not found:
        raise ValueError(f"{path} is something else by now, or another of that name")
    return path


def paths_of(listener: Listener) -> tuple[str, ...]:
    """Return the import paths of a listener's handler, and of its payload classes.

    Raises ValueError where a worker process could not import one of them.
    """
    accepts: Any = listener.accepts
    try:
        return tuple(map(path_of, (listener.handler, *accepts, *listener.outputs)))
    except ValueError as error:
        what = "runs in a sandbox" if listener.sandbox is not None else "is cpu_bound"
        words = f"{what}, so a worker process imports what it is made of"
        raise ValueError(f"listener {listener.name} {words}: {error}") from None
