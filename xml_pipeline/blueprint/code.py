"""What an organism file names, judged: a handler, a payload class, a step.

Each function imports an object by its path and returns it. Raises ConfigError if it is none
of that kind or may not be imported, PluginNotFound if it is not there.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from xml_pipeline.callables import is_async
from xml_pipeline.errors import ConfigError, PayloadDefinitionError
from xml_pipeline.imports import import_object
from xml_pipeline.listener import Handler, Listener
from xml_pipeline.payload import RawPayload, codec_of
from xml_pipeline.steps.rail import Step


def handler_at(path: str, allow: Iterable[str]) -> Handler:
    """Return a function to be awaited with a payload and its metadata."""
    found: Any = import_object(path, allow)
    if isinstance(found, Listener):
        raise ConfigError((f'"{path}" is a whole listener: name its handler',))
    if not callable(found) or not is_async(found):
        raise ConfigError((f'"{path}" is no handler: write it as `async def`',))
    if not _takes_two(found):
        raise ConfigError((f'"{path}" is no handler: it takes (payload, metadata)',))
    return found  # type: ignore[no-any-return]  # as far as can be seen before it runs


def payload_at(path: str, allow: Iterable[str]) -> type:
    """Return a payload class, or ``RawPayload``."""
    found: Any = import_object(path, allow)
    if found is RawPayload:
        return RawPayload
    try:
        return codec_of(found).cls
    except (AttributeError, PayloadDefinitionError):
        raise ConfigError((f'"{path}" is no payload: decorate it with @xmlify',)) from None


def step_at(path: str, allow: Iterable[str]) -> Step:
    """Return a synchronous function over stations, or an object to be called like one."""
    found: Any = import_object(path, allow)
    if isinstance(found, type) or not callable(found):
        raise ConfigError((f'"{path}" is no step: name a function, or an object to call',))
    if is_async(found):
        raise ConfigError((f'"{path}" is no step: steps are synchronous, write it as `def`',))
    return found  # type: ignore[no-any-return]  # as far as can be seen before it runs


def function_at(path: str, allow: Iterable[str]) -> Callable[[Any], object]:
    """Return a function of one value, which says whether a condition holds."""
    found: Any = import_object(path, allow)
    if isinstance(found, type) or not callable(found) or is_async(found):
        raise ConfigError((f'"{path}" is no condition: name a function, written as `def`',))
    try:
        inspect.signature(found).bind(None)
    except TypeError:
        raise ConfigError((f'"{path}" is no condition: it takes one payload',)) from None
    return found  # type: ignore[no-any-return]  # as far as can be seen before it runs


def strategy_at(path: str, allow: Iterable[str]) -> Callable[..., Any]:
    """Return a function of a task and the agents there are, which decides who takes it."""
    found: Any = import_object(path, allow)
    if isinstance(found, type) or not callable(found) or is_async(found):
        raise ConfigError((f'"{path}" is no strategy: name a function, written as `def`',))
    if not _takes_two(found):
        raise ConfigError((f'"{path}" is no strategy: it takes (task, workers)',))
    return found  # type: ignore[no-any-return]  # as far as can be seen before it runs


def source_at(path: str, allow: Iterable[str]) -> Callable[[str, str], Awaitable[str | None]]:
    """Return a function to be awaited with a tenant and a principal, which knows their token."""
    found: Any = import_object(path, allow)
    if isinstance(found, type) or not callable(found) or not is_async(found):
        raise ConfigError((f'"{path}" is no source of tokens: write it as `async def`',))
    if not _takes_two(found):
        raise ConfigError((f'"{path}" is no source of tokens: it takes (tenant, principal)',))
    return found  # type: ignore[no-any-return]  # as far as can be seen before it runs


def payloads_of(handler: Callable[..., Any]) -> tuple[type, ...]:
    """Return the classes that a handler's first parameter is annotated with.

    Those of a union one by one; nothing where the annotation says nothing: there is none, it
    is ``Any`` or ``object``, or it cannot be resolved at run time.
    """
    first = next(iter(inspect.signature(handler).parameters))
    try:
        annotation = get_type_hints(_annotated(handler)).get(first)
    except (AttributeError, NameError, SyntaxError, TypeError):
        return ()
    is_union = get_origin(annotation) in (Union, UnionType)
    classes = get_args(annotation) if is_union else (annotation,)
    return classes if all(map(_is_telling, classes)) else ()


def _takes_two(handler: Callable[..., Any]) -> bool:
    try:
        inspect.signature(handler).bind(None, None)
    except TypeError:
        return False
    return True


def _is_telling(annotation: object) -> bool:
    """Whether an annotation is one class, and not ``Any``, ``object`` or a protocol."""
    is_class = isinstance(annotation, type) and annotation not in (Any, object)
    return is_class and not getattr(annotation, "_is_protocol", False)


def _annotated(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that has a handler's annotations."""
    return handler if inspect.isroutine(handler) else type(handler).__call__
