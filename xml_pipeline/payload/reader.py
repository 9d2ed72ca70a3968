"""Generates the function that reads a payload from an element that its schema has passed.

A simple type has no child elements once the XSD has passed, and comments are gone by then, so
``.text`` is the whole text.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import singledispatchmethod

from xml_pipeline.payload.kinds import Constant, Fresh, Items, Kind, Member, Nested, Nullable, Record, Scalar
from xml_pipeline.payload.source import Source


class Reader:
    """Adds ``read_<label>`` to the source for every record."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def add(self) -> None:
        """Generate a reader for each record of the model."""
        for key, record in self._source.model.records.items():
            self._record(key, record)

    def _record(self, key: Hashable, record: Record) -> None:
        body = ["field = ''", "try:"]
        body += [f"    {line}" for line in self._children(record.members)]
        for number, member in enumerate(record.members):
            value = self._member(member, f"x{number}")
            body += [f"    field = {member.name!r}", f"    x{number} = {value}"]
        cls = self._source.bind("cls", record.cls)
        arguments = ", ".join(f"{m.name}=x{n}" for n, m in enumerate(record.members))
        body += ["    field = ''", f"    return {cls}({arguments})"]
        body += ["except FAULTS as error:", "    raise refusal(field, error) from error"]
        self._source.function(f"read_{self._source.label(key)}(element)", body)

    def _children(self, members: tuple[Member, ...]) -> list[str]:
        if not members:
            return []
        targets = "".join(f"x{number}, " for number in range(len(members)))
        if all(member.required for member in members):
            return [f"{targets}= element[:]"]
        lookups = [
            f"    x{number} = found.get({member.element!r})"
            for number, member in enumerate(members)
        ]
        return [
            f"if len(element) == {len(members)}:",
            f"    {targets}= element[:]",
            "else:",
            "    found = {child.tag: child for child in element}",
            *lookups,
        ]

    def _member(self, member: Member, x: str) -> str:
        value = self._occurrence(member.kind, x, nillable=member.nillable)
        match member.default:
            case None:
                return value
            case Constant(constant):
                default = self._source.bind("default", constant)
            case Fresh(make):
                default = f"{self._source.bind('make', make)}()"
        return f"{default} if {x} is None else {value}"

    def _occurrence(self, kind: Kind, x: str, *, nillable: bool) -> str:
        """Return the expression for an element that is there."""
        if not isinstance(kind, Nullable):
            return self.value(kind, x)
        inner = self.value(kind.inner, x)
        return f"(None if is_nil({x}) else {inner})" if nillable else inner

    @singledispatchmethod
    def value(self, kind: Kind, x: str) -> str:
        """Return the expression for the value that the element ``x`` holds."""
        raise NotImplementedError(kind)

    @value.register
    def _(self, kind: Scalar, x: str) -> str:
        return f"({kind.type.read.format(x=f'{x}.text')})"

    @value.register
    def _(self, kind: Nested, x: str) -> str:
        return f"read_{self._source.label(kind.key)}({x})"

    @value.register
    def _(self, kind: Items, x: str) -> str:
        items = f"[{self._occurrence(kind.item, 'x', nillable=True)} for x in {x}]"
        return items if kind.into is list else f"tuple({items})"
