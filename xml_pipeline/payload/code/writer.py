"""Generates the function that writes a payload as exclusive canonical XML.

One statement turns each field into its text, so that an error is blamed on the field; the record
is then one f-string of literal tags and those texts.
"""

from __future__ import annotations

from functools import singledispatchmethod

from xml_pipeline.payload.code.source import Source
from xml_pipeline.payload.lexical import XSI
from xml_pipeline.payload.model.kinds import (
    Either,
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
from xml_pipeline.payload.raw import ABSENT
from xml_pipeline.payload.text import escape

_NIL = f"xmlns:xsi=\\'{XSI}\\' xsi:nil=\\'true\\'".replace("'", '"')


def add_writers(source: Source) -> None:
    """Add ``write_<label>`` for every record: it returns what stands between the tags."""
    writer = _Writer(source)
    for key, record in source.model.records.items():
        writer.add(key, record)


class _Writer:
    """Writes expressions of Python source; ``x`` is always the expression for the value."""

    # Without room for weak references: functools of 3.13 would keep each one for ever.
    __slots__ = ("_source",)

    def __init__(self, source: Source) -> None:
        self._source = source

    def add(self, key: object, record: Record) -> None:
        """Add the function for one record."""
        label, cls = self._source.label(key), self._source.bind("cls", record.cls)
        body = [
            "field = ''",
            "try:",
            f"    if type(value) is not {cls}:",
            f"        raise TypeError('a {record.tag} expected, not a ' + type(value).__name__)",
        ]
        for number, member in enumerate(record.members):
            body += [f"    field = {member.name!r}"]
            body += [f"    {line}" for line in self._member(member, f"x{number}")]
        content = "".join(
            f"<{m.element}>{{x{n}}}</{m.element}>" if _always(m) else f"{{x{n}}}"
            for n, m in enumerate(record.members)
        )
        body += [
            "except FAULTS as error:",
            "    raise refusal(field, error) from error",
            f'return f"{content}"',
        ]
        self._source.function(f"write_{label}(value)", body)

    def _member(self, member: Member, x: str) -> list[str]:
        """Return the statements that leave the field's text in the variable ``x``."""
        value = f"value.{member.name}"
        if not _always(member):
            element = self._element(member.element, member.kind, x, nil=member.nillable)
            if member.omitted is ABSENT:
                element = f"'' if {x} is {self._source.bind('ABSENT', ABSENT)} else {element}"
            return [f"{x} = {value}", f"{x} = {element}"]
        if isinstance(member.kind, Scalar) and member.kind.type.python is str:
            return [
                f"{x} = {value}",
                f'if type({x}) is not str or not {x}.isprintable() or "&" in {x}'
                f' or "<" in {x} or ">" in {x}:',
                f"    {x} = escape({x})",
            ]
        return [f"{x} = {self._text(member.kind, value)}"]

    def _element(self, tag: str, kind: Kind, x: str, *, nil: bool = True) -> str:
        """Return the expression for a whole element; None is nil, or else nothing."""
        if isinstance(kind, Nullable):
            none = f'"<{tag} {_NIL}></{tag}>"' if nil else "''"
            return f"({none} if {x} is None else {self._element(tag, kind.inner, x)})"
        text = self._text(kind, x)
        return f'f"<{tag}>{{{text}}}</{tag}>"'

    def _function(self, stem: str, x: str, *body: str) -> str:
        """Add a function of one value; return the call of it."""
        name = self._source.reserve(f"write_{stem}")
        self._source.function(f"{name}(value)", body)
        return f"{name}({x})"

    @singledispatchmethod
    def _text(self, kind: Kind, x: str) -> str:
        """Return the expression for the content of an element that holds ``x``."""
        raise TypeError(f"no such kind: {kind!r}")

    @_text.register
    def _(self, kind: Scalar, x: str) -> str:
        return kind.type.write.format(x=x)

    @_text.register
    def _(self, kind: Options, x: str) -> str:
        texts = {option.value: escape(option.text) for option in kind.options}
        return f"{self._source.bind('texts', texts)}[{x}]"

    @_text.register
    def _(self, kind: Nested, x: str) -> str:
        return f"write_{self._source.label(kind.key)}({x})"

    @_text.register
    def _(self, kind: Markup, x: str) -> str:
        return f"RawXml({x})"

    @_text.register
    def _(self, kind: JsonText, x: str) -> str:
        return f"write_json({x})"

    @_text.register
    def _(self, kind: Items, x: str) -> str:
        item = self._element("item", kind.item, "x")
        return self._function(
            "items",
            x,
            "if not isinstance(value, (list, tuple)):",
            "    raise TypeError('not a list but ' + type(value).__name__)",
            f"return ''.join([{item} for x in value])",
        )

    @_text.register
    def _(self, kind: Row, x: str) -> str:
        names = [f"x{number}" for number in range(1, len(kind.items) + 1)]
        elements = [
            self._element(f"item{number}", item, f"x{number}")
            for number, item in enumerate(kind.items, 1)
        ]
        return self._function(
            "row", x, f"[{', '.join(names)}] = value", f"return ''.join([{', '.join(elements)}])"
        )

    @_text.register
    def _(self, kind: Table, x: str) -> str:
        key = self._element("key", kind.key, "key")
        value = self._element("value", kind.value, "x")
        return self._function(
            "table",
            x,
            "entries = value.items()",
            f"return ''.join(['<item>' + {key} + {value} + '</item>' for key, x in entries])",
        )

    @_text.register
    def _(self, kind: Either, x: str) -> str:
        body = []
        for key in kind.keys:
            record = self._source.model.records[key]
            element = self._element(record.tag, Nested(key), "value")
            body += [f"if type(value) is {self._source.bind('cls', record.cls)}:"]
            body += [f"    return {element}"]
        body += ["raise TypeError('none of the union: ' + type(value).__name__)"]
        return self._function("either", x, *body)


def _always(member: Member) -> bool:
    """Tell whether the plain element is always there."""
    return member.omitted is member and not member.nillable
