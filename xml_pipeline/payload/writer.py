"""Generates the function that writes a payload as exclusive canonical XML.

Each field is turned into its text by one statement, so that an error is blamed on the field;
the record is then one f-string of literal tags and those texts.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import singledispatchmethod

from xml_pipeline.payload.kinds import Items, Kind, Member, Nested, Nullable, Record, Scalar
from xml_pipeline.payload.source import Source

NIL = (
    'xmlns:xsi=\\"http://www.w3.org/2001/XMLSchema-instance\\" xsi:nil=\\"true\\"'
)


class Writer:
    """Adds ``write_<label>`` to the source for every record: the content without its tags."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def add(self) -> None:
        """Generate a writer for each record of the model."""
        for key, record in self._source.model.records.items():
            self._record(key, record)

    def _record(self, key: Hashable, record: Record) -> None:
        label = self._source.label(key)
        cls = self._source.bind("cls", record.cls)
        body = [
            "field = ''",
            "try:",
            f"    if type(value) is not {cls}:",
            f"        raise TypeError(f'not a {record.cls.__name__}: {{type(value).__name__}}')",
        ]
        for number, member in enumerate(record.members):
            body += [f"    field = {member.name!r}"]
            body += [f"    {line}" for line in self._member(number, member)]
        body += ["except FAULTS as error:", "    raise refusal(field, error) from error"]
        parts = "".join(
            f"{{x{number}}}" if not member.required or member.nillable
            else f"<{member.element}>{{x{number}}}</{member.element}>"
            for number, member in enumerate(record.members)
        )
        body += [f'return f"{parts}"']
        self._source.function(f"write_{label}(value)", body)

    def _member(self, number: int, member: Member) -> list[str]:
        variable, element = f"x{number}", member.element
        lines = [f"{variable} = value.{member.name}"]
        kind = member.kind
        if isinstance(kind, Nullable):
            text = self.text(kind.inner, variable)
            nil = f"<{element} {NIL}></{element}>" if member.nillable else ""
            return [
                *lines,
                f'{variable} = "{nil}" if {variable} is None else '
                f'f"<{element}>{{{text}}}</{element}>"',
            ]
        if isinstance(kind, Scalar) and kind.type.name == "str":
            lines += [
                f'if not {variable}.isprintable() or "&" in {variable}'
                f' or "<" in {variable} or ">" in {variable}:',
                f"    {variable} = escape({variable})",
            ]
        else:
            lines = [f"{variable} = {self.text(kind, f'value.{member.name}')}"]
        if not member.required:
            lines += [f'{variable} = f"<{element}>{{{variable}}}</{element}>"']
        return lines

    @singledispatchmethod
    def text(self, kind: Kind, x: str) -> str:
        """Return the expression for the content of an element that holds ``x``."""
        raise NotImplementedError(kind)

    @text.register
    def _(self, kind: Scalar, x: str) -> str:
        return kind.type.write.format(x=x)

    @text.register
    def _(self, kind: Nested, x: str) -> str:
        return f"write_{self._source.label(kind.key)}({x})"

    @text.register
    def _(self, kind: Items, x: str) -> str:
        name = self._source.new_name("write_items")
        self._source.function(
            f"{name}(value)",
            [f'return "".join([{self._item("item", kind.item)} for x in value])'],
        )
        return f"{name}({x})"

    def _item(self, tag: str, kind: Kind) -> str:
        if isinstance(kind, Nullable):
            return f'"<{tag} {NIL}></{tag}>" if x is None else {self._item(tag, kind.inner)}'
        return f'f"<{tag}>{{{self.text(kind, "x")}}}</{tag}>"'
