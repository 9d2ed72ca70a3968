"""Makes a payload that looks like one: every field filled, within its constraints."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import singledispatchmethod
from types import MappingProxyType
from typing import Any
from uuid import UUID

from xml_pipeline.errors import PayloadDefinitionError
from xml_pipeline.payload.as_json.form import JsonForm
from xml_pipeline.payload.faults import FAULTS
from xml_pipeline.payload.model.facets import Facets
from xml_pipeline.payload.model.finite import finite_keys
from xml_pipeline.payload.model.kinds import (
    Either,
    Items,
    JsonText,
    Kind,
    Markup,
    Member,
    Model,
    Nested,
    Nullable,
    Options,
    Row,
    Scalar,
    Table,
)
from xml_pipeline.payload.raw import RawXml

_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "name": "Ada Lovelace",
        "email": "ada@example.org",
        "url": "https://example.org/",
        "city": "London",
        "country": "France",
        "path": "notes/today.txt",
        "text": "A few words.",
        "title": "A title",
        "query": "analytical engine",
        "question": "What is it?",
        "answer": "It is this.",
        "language": "en",
        "currency": "EUR",
    }
)
_PLAIN: Mapping[type, Any] = MappingProxyType(
    {
        int: 3,
        float: 1.5,
        bool: True,
        Decimal: Decimal("12.50"),
        date: date(2026, 1, 31),
        datetime: datetime(2026, 1, 31, 12, tzinfo=UTC),
        UUID: UUID("123e4567-e89b-42d3-a456-426614174000"),
    }
)


def make_example(model: Model) -> Any:
    """Return a payload with every field filled that the class lets be filled.

    An optional field whose example is refused is left out. A class that refuses the whole is
    tried with its required fields alone.

    Raises:
        PayloadDefinitionError: it refuses that too: its fields need ``examples``.
    """
    attempt = _Attempt(model)
    optional = attempt.optional
    left_out: set[str] = set()
    while True:
        try:
            return attempt(left_out)
        except FAULTS as error:
            culprit = _culprit(optional, error)
            if culprit is None or culprit in left_out:
                break
            left_out.add(culprit)
    for kept in (None, *optional.values()):
        with suppress(*FAULTS):
            return attempt({name for name in optional.values() if name != kept})
    try:
        return attempt(set(), sparing=True)
    except FAULTS as error:
        tag = model.tag(model.root)
        raise PayloadDefinitionError(f"{tag} refuses its example: {error}") from error


class _Attempt:
    """Makes an example without certain fields; raises if the payload is refused."""

    def __init__(self, model: Model) -> None:
        self._root = model.root
        self._examples, self._form = _Examples(model), JsonForm(model)
        members = model.records[model.root].members
        self.optional = {member.key: member.name for member in members if not member.required}

    def __call__(self, left_out: Collection[str], *, sparing: bool = False) -> Any:
        payload = self._examples.record(self._root, (), sparing=sparing, left_out=left_out)
        return self._form.verify(self._root, payload)


def _culprit(optional: Mapping[str, str], error: Exception) -> str | None:
    """Return the optional field at which the error's path begins."""
    path = getattr(error, "field", "")
    within = [key for key in optional if path == key or path.startswith((f"{key}.", f"{key}["))]
    return optional[max(within, key=len)] if within else None


class _Examples:
    """Makes values of each kind; ``path`` has the records around the value.

    A record within itself is *sparing*: it holds the least that it may, so that it ends.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._simplest_first = finite_keys(model)

    def record(
        self,
        key: object,
        path: tuple[object, ...],
        *,
        sparing: bool,
        left_out: Collection[str] = (),
    ) -> Any:
        """Return an object of one payload class, without the fields that are left out."""
        record, sparing = self._model.records[key], sparing or key in path
        values = {
            member.name: self._member(member, (*path, key), sparing=sparing)
            for member in record.members
            if member.required or not (sparing or member.rest or member.name in left_out)
        }
        values |= {
            member.name: member.omitted
            for member in record.members
            if member.name not in values and member.omitted is not member
        }
        return record.cls(**values)

    def _member(self, member: Member, path: tuple[object, ...], *, sparing: bool) -> Any:
        if member.examples:
            return member.examples[0]
        return self._value(member.kind, member.name, path, sparing)

    @singledispatchmethod
    def _value(self, kind: Kind, name: str, path: tuple[object, ...], sparing: bool) -> Any:
        raise TypeError(f"no such kind: {kind!r}")

    @_value.register
    def _(self, kind: Scalar, name: str, path: tuple[object, ...], sparing: bool) -> Any:
        python, facets = kind.type.python, kind.limits
        if python is str:
            return _text(name, facets)
        if python is bytes:
            return _sized(b"example", facets)
        return next(_numbers(_PLAIN[python], facets)) if facets.bounded else _PLAIN[python]

    @_value.register
    def _(self, kind: Options, name: str, path: tuple[object, ...], sparing: bool) -> Any:
        return kind.options[0].value

    @_value.register
    def _(self, kind: Nullable, name: str, path: tuple[object, ...], sparing: bool) -> Any:
        return None if sparing else self._value(kind.inner, name, path, sparing)

    @_value.register
    def _(self, kind: Items, name: str, path: tuple[object, ...], sparing: bool) -> Any:
        count = _count(kind.facets, sparing)
        singular = name.removesuffix("s")
        return kind.into(self._value(kind.item, singular, path, sparing) for _ in range(count))

    @_value.register
    def _(self, kind: Row, name: str, path: tuple[object, ...], sparing: bool) -> Any:
        return tuple(self._value(item, name, path, sparing) for item in kind.items)

    @_value.register
    def _(self, kind: Table, name: str, path: tuple[object, ...], sparing: bool) -> Any:
        count = _count(kind.facets, sparing)
        return {key: self._value(kind.value, name, path, sparing) for key in _keys(kind.key, count)}

    @_value.register
    def _(self, kind: Nested, name: str, path: tuple[object, ...], sparing: bool) -> Any:
        return self.record(kind.key, path, sparing=sparing)

    @_value.register
    def _(self, kind: Either, name: str, path: tuple[object, ...], sparing: bool) -> Any:
        within = [key for key in self._simplest_first if key in kind.keys]
        key = within[0] if sparing else next(key for key in kind.keys if key in within)
        return self.record(key, path, sparing=sparing)

    @_value.register
    def _(self, kind: Markup, name: str, path: tuple[object, ...], sparing: bool) -> Any:
        return RawXml("<p>Any <b>XML</b></p>")

    @_value.register
    def _(self, kind: JsonText, name: str, path: tuple[object, ...], sparing: bool) -> Any:
        return {"any": ["JSON", 1, True, None]}


def _count(facets: Facets, sparing: bool) -> int:
    wanted = facets.min_length if sparing else max(1, facets.min_length)
    return wanted if facets.max_length is None else min(wanted, facets.max_length)


def _text(name: str, facets: Facets) -> str:
    word = next((word for key, word in _WORDS.items() if key in name), name.replace("_", " "))
    if facets.pattern:
        if facets.pattern.automaton.matches(word) and _fits(len(word), facets):
            return word
        most = min(facets.max_length or 0, facets.min_length + 1_000)
        text = facets.pattern.automaton.shortest(facets.min_length, most)
        if text is None:
            raise PayloadDefinitionError(f"{name}: no text matches the pattern within its length")
        return text
    return str(_sized(word, facets))


def _sized(sample: Any, facets: Facets) -> Any:
    """Return text or octets, repeated and cut to a length within bounds."""
    enough = sample * (facets.min_length // len(sample) + 1)
    return enough[: max(facets.min_length, min(len(sample), facets.max_length or 0))]


def _fits(length: int, facets: Facets) -> bool:
    return facets.min_length <= length <= (facets.max_length or 0)


def _keys(kind: Scalar, count: int) -> list[str]:
    """Return as many different keys."""
    facets = kind.limits
    if facets.pattern is None:
        width = max(facets.min_length, len(str(count)))
        return (
            ["key"]
            if count == 1 and _fits(3, facets)
            else [f"{number:0{width}}" for number in range(1, count + 1)]
        )
    keys: list[str] = []
    least = facets.min_length
    while len(keys) < count:
        key = facets.pattern.automaton.shortest(least, min(facets.max_length or 0, least + 1_000))
        if key is None:
            raise PayloadDefinitionError("too few keys match the pattern")
        keys.append(key)
        least = len(key) + 1
    return keys


def _numbers(plain: Any, facets: Facets) -> Iterator[Any]:
    """Yield numbers within bounds, the plainest first."""
    lows: list[Any] = [facets.low.value] if facets.low else []
    highs: list[Any] = [facets.high.value] if facets.high else []
    middles = [(low + high) / 2 for low in lows for high in highs if not isinstance(low, int)]
    near = [math.nextafter(low, math.inf) for low in lows if isinstance(low, float)]
    near += [math.nextafter(high, -math.inf) for high in highs if isinstance(high, float)]
    inward = [*(low + 1 for low in lows), *(high - 1 for high in highs)]
    for number in (plain, *lows, *highs, *inward, *middles, *near):
        try:
            facets.check_number(number)
        except ValueError:
            continue
        yield number
    raise PayloadDefinitionError("no number lies within these bounds")
