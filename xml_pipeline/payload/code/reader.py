"""Generates the function that reads a payload from an element that its schema has passed.

A simple type has no child elements once the XSD has passed, and comments are gone by then, so
``.text`` is the whole text. Children stand in the order of declaration, so where all are there
they are taken by position.
"""

from __future__ import annotations

from functools import partial, singledispatchmethod

from xml_pipeline.payload.as_json.form import JsonForm
from xml_pipeline.payload.code.construct import construction
from xml_pipeline.payload.code.source import Source
from xml_pipeline.payload.model.kinds import (
    Constant,
    Either,
    Fresh,
    Items,
    JsonText,
    Kind,
    Markup,
    Member,
    Nested,
    Nullable,
    Options,
    Record,
    Row,
    Scalar,
    Table,
)


def add_readers(source: Source) -> None:
    """Add ``read_<label>`` for every record: it takes an element, whatever its tag."""
    reader = _Reader(source)
    for key, record in source.model.records.items():
        reader.add(key, record)


class _Reader:
    """Writes expressions of Python source; ``x`` is always the expression for the element."""

    # Without room for weak references: functools of 3.13 would keep each one for ever.
    __slots__ = ("_form", "_source")

    def __init__(self, source: Source) -> None:
        self._source = source
        self._form = JsonForm(source.model)

    def add(self, key: object, record: Record) -> None:
        """Add the function for one record."""
        names = [f"x{number}" for number in range(len(record.members))]
        body = ["field = ''", "try:"]
        body += [f"    {line}" for line in _children(record.members, names)]
        for x, member in zip(names, record.members, strict=True):
            body += [f"    field = {member.name!r}", f"    {x} = {self._member(member, x)}"]
        body += ["    field = ''"]
        if record.check is None:
            verify = ""
        else:
            verify = self._source.bind("verify", partial(self._form.verify, key))
        body += [f"    {line}" for line in construction(self._source, record, names, verify)]
        body += ["except FAULTS as error:", "    raise refusal(field, error) from error"]
        self._source.function(f"read_{self._source.label(key)}(element)", body)

    def _member(self, member: Member, x: str) -> str:
        value = self._occurrence(member.kind, x, nil=member.nillable)
        match member.default:
            case Constant(constant):
                return f"{self._source.bind('default', constant)} if {x} is None else {value}"
            case Fresh(make):
                return f"{self._source.bind('make', make)}() if {x} is None else {value}"
        return value

    def _occurrence(self, kind: Kind, x: str, *, nil: bool = True) -> str:
        """Return the expression for the value of an element that is there."""
        if not isinstance(kind, Nullable):
            return self._value(kind, x)
        inner = self._value(kind.inner, x)
        return f"(None if is_nil({x}) else {inner})" if nil else inner

    def _function(self, stem: str, x: str, *body: str) -> str:
        """Add a function of one element; return the call of it."""
        name = self._source.reserve(f"read_{stem}")
        self._source.function(f"{name}(element)", body)
        return f"{name}({x})"

    @singledispatchmethod
    def _value(self, kind: Kind, x: str) -> str:
        """Return the expression for the value that the element ``x`` holds."""
        raise TypeError(f"no such kind: {kind!r}")

    @_value.register
    def _(self, kind: Scalar, x: str) -> str:
        value = f"({kind.type.read.format(x=f'{x}.text')})"
        pattern = kind.facets.pattern
        if pattern is None or pattern.xsd:
            return value
        return f"matching({self._source.bind('automaton', pattern.automaton)}, {value})"

    @_value.register
    def _(self, kind: Options, x: str) -> str:
        values = {option.text: option.value for option in kind.options}
        return f"{self._source.bind('values', values)}[{x}.text or '']"

    @_value.register
    def _(self, kind: Nested, x: str) -> str:
        return f"read_{self._source.label(kind.key)}({x})"

    @_value.register
    def _(self, kind: Markup, x: str) -> str:
        return f"content_of({x})"

    @_value.register
    def _(self, kind: JsonText, x: str) -> str:
        return f"read_json({x}.text)"

    @_value.register
    def _(self, kind: Items, x: str) -> str:
        items = f"[{self._occurrence(kind.item, 'x')} for x in {x}]"
        return items if kind.into is list else f"tuple({items})"

    @_value.register
    def _(self, kind: Row, x: str) -> str:
        names = [f"x{number}" for number in range(len(kind.items))]
        values = [
            f"{self._occurrence(item, name)}, "
            for item, name in zip(kind.items, names, strict=True)
        ]
        return self._function(
            "row", x, f"[{', '.join(names)}] = element[:]", f"return ({''.join(values)})"
        )

    @_value.register
    def _(self, kind: Table, x: str) -> str:
        key, value = self._value(kind.key, "key"), self._occurrence(kind.value, "x")
        return f"{{{key}: {value} for key, x in {x}}}"

    @_value.register
    def _(self, kind: Either, x: str) -> str:
        body = ["[child] = element"]
        for key in kind.keys:
            body += [f"if child.tag == {self._source.model.tag(key)!r}:"]
            body += [f"    return read_{self._source.label(key)}(child)"]
        body += ["raise ValueError('none of the union: ' + child.tag)"]
        return self._function("either", x, *body)


def _children(members: tuple[Member, ...], names: list[str]) -> list[str]:
    """Return the statements that leave each member's element in its variable, or None."""
    if not members:
        return []
    by_position = f"[{', '.join(names)}] = element[:]"
    if all(member.required for member in members):
        return [by_position]
    by_name = [
        f"    {x} = found.get({member.element!r})" for x, member in zip(names, members, strict=True)
    ]
    return [
        f"if len(element) == {len(members)}:",
        f"    {by_position}",
        "else:",
        "    found = {child.tag: child for child in element}",
        *by_name,
    ]
