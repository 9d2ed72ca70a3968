"""State: what a listener remembers on a thread, as plain data that bytes can carry.

The rule this file guards: whatever is kept can be written, and what is read back is equal to
what was written, type by type; nothing that is read is ever run. Plain is: None, bool, int,
float, str, bytes; a list, tuple, or dict by str, of what is plain; a payload that the listener
accepts or answers with, and ``RawPayload``.

The bytes are JSON in UTF-8, in the order in which the keys were set: the same state always
gives the same bytes. What JSON has not stands in an object of one key::

    {"$bytes": base64}   {"$tuple": [...]}      {"$float": "nan"}
    {"$int": "0x…"}      {"$payload": "<Tag>…"} {"$raw": "<Tag>…"}

A key that begins with ``$`` itself is written with another ``$`` before it. What has changed of a
state is written by itself (``journal.remembered``).
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from itertools import islice
from math import isfinite
from typing import Any

from xml_pipeline.errors import InvalidState, Rejected, XmlPipelineError
from xml_pipeline.journal.remembered import dumped
from xml_pipeline.listener import Listener
from xml_pipeline.payload import Codec, RawPayload, codec_of
from xml_pipeline.payload.raw import parse_xml
from xml_pipeline.system import SYSTEM

State = dict[str, Any]

Lookup = Callable[[str], type | None]
"""Finds a payload class by its tag, None where there is no such; ``Listener.payload`` is one."""

DEEPEST = 50
"""Lists, tuples and dicts inside each other; what refers to itself is refused by this as well."""

_JSON_INT_BITS = 1024  # Longer ones are hexadecimal: Python reads no endless decimal ones.
_ABSENT = object()
_TEXT = frozenset((str,))
_PLAIN = "keep text, numbers, bytes, lists, tuples, dicts or payloads of its own instead"


def check(state: State, limit: int, listener: Listener) -> None:
    """Refuse what cannot be kept: what is not plain, or takes more than ``limit`` bytes.

    Text and bytes count as long as they are, numbers as 8 bytes, all else as encoded. The
    listeners of the system have limits of their own.

    Raises:
        InvalidState: it names the key, and says what to do instead.
    """
    if _are_short(state, limit):
        return
    size = 0
    for key, value in state.items():
        weigh = _WEIGHTS.get(value.__class__)
        if weigh is None or key.__class__ is not str:
            size += len(encode({key: value}, listener.payload))
        else:
            size += len(key) + weigh(value)
    if size > limit and not listener.name.startswith(f"{SYSTEM}."):
        raise InvalidState(_too_large(state, size, limit, listener))


def _are_short(state: State, limit: int) -> bool:
    """Tell whether there are texts only, and too few to be weighed one by one."""
    texts = (*state, *state.values())
    # No character takes more than four bytes.
    return _TEXT.issuperset(map(type, texts)) and 4 * sum(map(len, texts)) <= limit


def encode(state: State, lookup: Lookup) -> bytes:
    """Return a state as bytes; ``lookup`` must find the classes of the payloads in it.

    Raises:
        InvalidState: something in it is not plain; the message names the key.
    """
    return dumped(_form(state, lookup))


def encode_change(before: State, after: State, lookup: Lookup) -> bytes | None:
    """Return what has changed of a state as bytes, b"" where nothing has.

    None where the whole of it has to be written, because it is in another order.

    Raises:
        InvalidState: something in it is not plain; the message names the key.
    """
    stays = [key for key in before if key in after]
    if [*islice(after, len(stays))] != stays:
        return None
    new: State = {}
    grown: dict[str, str] = {}
    for key, value in after.items():
        then = before.get(key, _ABSENT)
        if value.__class__ is str and then.__class__ is str and value.startswith(then):
            if value != then:
                grown[_written_key(key)] = value[len(then) :]
        elif value is not then or value.__class__ not in _WEIGHTS:
            new[key] = value
    gone = [_written_key(key) for key in before if key not in after]
    return dumped([_form(new, lookup), grown, gone]) if new or grown or gone else b""


def _form(state: State, lookup: Lookup) -> dict[str, Any]:
    form: dict[str, Any] = {}
    write = _Writer(lookup).form
    for key, value in state.items():
        try:
            form[_written_key(key)] = value if value.__class__ is str else write(value, DEEPEST)
        except (Rejected, TypeError) as error:
            raise InvalidState(f"state[{key!r}] {error}") from None
    return form


def decode(data: bytes, lookup: Lookup) -> State:
    """Return the state that ``encode`` made these bytes of.

    Raises:
        InvalidState: they are none of its making, or ``lookup`` does not find a payload.
    """
    try:
        text = data.decode("utf-8", "surrogatepass")
        state = json.loads(text, object_hook=_Reader(lookup).value)
    except (ValueError, TypeError, KeyError, RecursionError, XmlPipelineError) as error:
        raise InvalidState(f"these bytes are no state: {error}") from error
    if not isinstance(state, dict):
        raise InvalidState("these bytes are no state, but something inside of one")
    return state


class _Writer:
    """Turns plain values into what JSON has; TypeError says what one is that is not plain."""

    __slots__ = ("_lookup",)

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    def form(self, value: Any, depth: int) -> object:
        kind = value.__class__
        if kind in _AS_THEY_ARE:
            return value
        if kind in _SCALARS:
            return _SCALARS[kind](value)
        if not depth:
            raise TypeError(f"is more than {DEEPEST} deep, or holds itself: keep it flat")
        if kind is dict:
            items = value.items()
            return {_written_key(key): self.form(each, depth - 1) for key, each in items}
        if kind is list or kind is tuple:
            forms = [self.form(each, depth - 1) for each in value]
            return forms if kind is list else {"$tuple": forms}
        return self._payload(kind, value)

    def _payload(self, kind: type, value: Any) -> object:
        if kind is RawPayload:
            return _raw_form(value)
        try:
            codec: Codec[Any] = codec_of(kind)
        except TypeError:
            raise TypeError(f"is or holds a {kind.__qualname__}: {_PLAIN}") from None
        known = self._lookup(codec.tag)
        if known is None or _name(known) != _name(kind):
            words = "which this listener does not accept: name it in accepts or output"
            raise TypeError(f"is or holds a payload <{codec.tag}>, {words}, or keep its to_xml()")
        return {"$payload": codec.write(value)}


class _Reader:
    """Turns the objects of JSON back into what they were, the innermost first."""

    __slots__ = ("_lookup",)

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    def value(self, form: dict[str, Any]) -> object:
        if not any(key.startswith("$") for key in form):
            return form
        (key, value), *others = form.items()
        if key.startswith("$$") or others:
            return {_read_key(key): value for key, value in form.items()}
        if key == "$payload":
            return self._payload(value)
        return _READERS[key](value)

    def _payload(self, text: str) -> object:
        document = str.encode(text)
        tag = str(parse_xml(document).tag)
        cls = self._lookup(tag)
        if cls is None:
            raise ValueError(f"the listener knows no payload <{tag}>")
        return codec_of(cls).from_xml(document)


def _text_weight(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _eight(value: object) -> int:
    return 8


_WEIGHTS: Mapping[type, Callable[[Any], int]] = {
    str: _text_weight,
    bytes: len,
    int: lambda value: 8 + value.bit_length() // 8,
    float: _eight,
    bool: _eight,
    type(None): _eight,
}


def _int_form(value: int) -> object:
    return value if value.bit_length() <= _JSON_INT_BITS else {"$int": hex(value)}


def _float_form(value: float) -> object:
    return value if isfinite(value) else {"$float": str(value)}


_AS_THEY_ARE = frozenset((str, bool, type(None)))
_SCALARS: Mapping[type, Callable[[Any], object]] = {
    int: _int_form,
    float: _float_form,
    bytes: lambda value: {"$bytes": b64encode(value).decode()},
}


def _raw_form(value: RawPayload) -> object:
    if RawPayload(str(parse_xml(value.xml).tag), value.xml) != value:
        raise TypeError(f"is or holds a RawPayload that is no <{value.tag}>: keep what came")
    return {"$raw": value.xml.decode()}


def _raw(text: str) -> RawPayload:
    document = str.encode(text)
    return RawPayload(str(parse_xml(document).tag), document)


_READERS: Mapping[str, Callable[[Any], object]] = {
    "$bytes": lambda text: b64decode(text, validate=True),
    "$tuple": tuple,
    "$float": float,
    "$int": lambda text: int(text, 16),
    "$raw": _raw,
}


def _written_key(key: object) -> str:
    if not isinstance(key, str) or key.__class__ is not str:
        raise TypeError(f"has a key that is no str but {key!r}: keep it as str")
    return f"${key}" if key.startswith("$") else key


def _read_key(key: str) -> str:
    if key.startswith("$") and not key.startswith("$$"):
        raise ValueError(f"a key begins with one $: {key}")
    return key.removeprefix("$")


def _name(cls: type) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__


def _too_large(state: State, size: int, limit: int, listener: Listener) -> str:
    sizes = {key: len(encode({key: value}, listener.payload)) for key, value in state.items()}
    key = max(sizes, key=lambda each: sizes[each])
    return (
        f"the state has {size} bytes, more than the {limit} of limits.state_bytes; the largest "
        f"is state[{key!r}] with {sizes[key]}: keep less, or in a file or a store of yours"
    )
