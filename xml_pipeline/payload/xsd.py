"""Writes the XSD of a payload, and compiles schemas that load nothing from anywhere.

The schema has no target namespace. Each record is a named type. Each kind of text that is used
without constraints of its own is a named type too, with a dot in its name, so that no class can
be called the same. Content models stay flat: libxml2 miscounts nested ``maxOccurs``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import singledispatchmethod
from types import MappingProxyType
from typing import Any

from lxml import etree

from xml_pipeline.errors import PayloadDefinitionError
from xml_pipeline.payload.lexical import write_decimal, write_float
from xml_pipeline.payload.model.facets import FREE, Facets, Number
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
    Record,
    Row,
    Scalar,
    Table,
)
from xml_pipeline.payload.scalars import SCALARS
from xml_pipeline.payload.text import carried, escape, escape_attribute

Lines = Iterator[str]
_TEXT = Scalar(SCALARS[str])
_NOTHING: Mapping[str, bytes] = MappingProxyType({})
_NUMBERS: dict[type, Callable[..., str]] = {int: str, float: write_float}


class _Sealed(etree.Resolver):
    """Gives a schema what was given along with it, and refuses whatever else it asks for."""

    def __init__(self, imports: Mapping[str, bytes]) -> None:
        self._imports = imports

    def resolve(self, system_url: str, public_id: str, *context: Any) -> Any:
        if system_url not in self._imports:
            raise PayloadDefinitionError(f"a schema may not load {system_url}")
        return self.resolve_string(self._imports[system_url], *context, base_url=system_url)


def compile_schema(xsd: bytes, imports: Mapping[str, bytes] = _NOTHING) -> etree.XMLSchema:
    """Compile an XSD that loads nothing, from disk or network, but what ``imports`` has by URL.

    Raises:
        PayloadDefinitionError: libxml2 does not accept it.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    parser.resolvers.add(_Sealed(imports))
    try:
        return etree.XMLSchema(etree.fromstring(xsd, parser))
    except (etree.XMLSyntaxError, etree.XMLSchemaParseError) as error:
        raise PayloadDefinitionError(f"not a schema: {error}") from error


def write_xsd(model: Model) -> bytes:
    """Return the XSD for a model, indented by two spaces, UTF-8."""
    return _Xsd(model).text().encode()


class _Xsd:
    """Writes one schema; remembers which kinds of text it has to define at the end."""

    # Without room for weak references: functools of 3.13 would keep each one for ever.
    __slots__ = ("_model", "_plain", "_tables")

    def __init__(self, model: Model) -> None:
        self._model = model
        self._plain: dict[str, Scalar] = {}
        self._tables = 0

    def text(self) -> str:
        """Return the whole schema."""
        root = self._model.records[self._model.root]
        lines = [f'<xs:element name="{root.tag}" type="{root.type_name}"/>']
        for record in self._model.records.values():
            lines += self._record(record)
        for name, kind in self._plain.items():
            lines += _simple(kind, f' name="{name}"')
        head = 'xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"'
        return "\n".join([*_block(lines, head), ""])

    def _record(self, record: Record) -> Lines:
        members = [line for member in record.members for line in self._member(member)]
        inside = [*_documentation(record.doc), *(_block(members, "xs:sequence") if members else ())]
        return _block(inside, f'xs:complexType name="{record.type_name}"')

    def _member(self, member: Member) -> Lines:
        occurs = "" if member.required else ' minOccurs="0"'
        kind = member.kind
        if isinstance(kind, Nullable) and not member.nillable:
            kind = kind.inner
        return self._element(member.element, kind, occurs, member.doc)

    def _element(self, name: str, kind: Kind, occurs: str = "", doc: str = "") -> Lines:
        if isinstance(kind, Nullable):
            kind, occurs = kind.inner, f'{occurs} nillable="true"'
        named = self._named(kind)
        type_ = f' type="{named}"' if named else ""
        inside = [*_documentation(doc), *(() if named else self._type(kind))]
        return _block(inside, f'xs:element name="{name}"{type_}{occurs}')

    def _named(self, kind: Kind) -> str:
        """Return the name of the type, or nothing where it has to be spelt out."""
        match kind:
            case Nested(key):
                return self._model.type_name(key)
            case JsonText():
                return self._named(_TEXT)
            case Scalar(row, facets) if facets == FREE:
                if not row.restriction and row.takes != "length":
                    return row.base
                self._plain[f"py.{row.name}"] = kind
                return f"py.{row.name}"
        return ""

    @singledispatchmethod
    def _type(self, kind: Kind) -> Lines:
        """Yield the definition of a type in place, and what the element must say beside it."""
        raise TypeError(f"no such kind: {kind!r}")

    @_type.register
    def _(self, kind: Scalar) -> Lines:
        return _simple(kind)

    @_type.register
    def _(self, kind: Options) -> Lines:
        texts = [escape_attribute(option.text) for option in kind.options]
        lines = [f'<xs:enumeration value="{text}"/>' for text in texts]
        return _block(lines, "xs:simpleType", 'xs:restriction base="xs:string"')

    @_type.register
    def _(self, kind: Items) -> Lines:
        item = self._element("item", kind.item, _occurs(kind.facets))
        return _block(item, "xs:complexType", "xs:sequence")

    @_type.register
    def _(self, kind: Row) -> Lines:
        lines = [
            line
            for number, item in enumerate(kind.items, 1)
            for line in self._element(f"item{number}", item)
        ]
        return _block(lines, "xs:complexType", "xs:sequence")

    @_type.register
    def _(self, kind: Table) -> Lines:
        entry = [*self._element("key", kind.key), *self._element("value", kind.value)]
        head = f'xs:element name="item"{_occurs(kind.facets)}'
        item = _block(entry, head, "xs:complexType", "xs:sequence")
        yield from _block(item, "xs:complexType", "xs:sequence")
        self._tables += 1
        once = ['<xs:selector xpath="item"/>', '<xs:field xpath="key"/>']
        yield from _block(once, f'xs:unique name="each-key-once.{self._tables}"')

    @_type.register
    def _(self, kind: Either) -> Lines:
        lines = [
            f'<xs:element name="{self._model.tag(key)}" type="{self._model.type_name(key)}"/>'
            for key in kind.keys
        ]
        return _block(lines, "xs:complexType", "xs:choice")

    @_type.register
    def _(self, kind: Markup) -> Lines:
        anything = ['<xs:any minOccurs="0" maxOccurs="unbounded" processContents="skip"/>']
        return _block(anything, 'xs:complexType mixed="true"', "xs:sequence")


def _simple(kind: Scalar, name: str = "") -> Lines:
    lines = [*kind.type.restriction, *_facets(kind)]
    return _block(lines, f"xs:simpleType{name}", f'xs:restriction base="{kind.type.base}"')


def _facets(kind: Scalar) -> Lines:
    facets = kind.limits
    for bound, side in ((facets.low, "min"), (facets.high, "max")):
        if bound:
            sort = "Inclusive" if bound.inclusive else "Exclusive"
            yield f'<xs:{side}{sort} value="{_number(bound.value)}"/>'
    if facets.bounded and kind.type.python is float:
        # libxml2 takes NaN for greater than any bound; no other double is written with an a.
        yield '<xs:pattern value="[^a]*"/>'
    if facets.min_length:
        yield f'<xs:minLength value="{facets.min_length}"/>'
    if facets.max_length is not None:
        yield f'<xs:maxLength value="{facets.max_length}"/>'
    if facets.pattern and facets.pattern.xsd:
        yield f'<xs:pattern value="{escape_attribute(facets.pattern.xsd)}"/>'


def _number(value: Number) -> str:
    return _NUMBERS.get(type(value), write_decimal)(value)


def _occurs(facets: Facets) -> str:
    most = "unbounded" if facets.max_length is None else facets.max_length
    return f' minOccurs="{facets.min_length}" maxOccurs="{most}"'


def _documentation(doc: str) -> Lines:
    if doc:
        yield from _block([escape(carried(doc))], "xs:annotation", "xs:documentation")


def _block(lines: Iterable[str], *heads: str) -> Lines:
    """Yield the lines within an element, or within several, each in the one before it."""
    inside = [f"  {line}" for line in lines]
    if not inside and len(heads) == 1:
        yield f"<{heads[0]}/>"
        return
    yield "".join(f"<{head}>" for head in heads)
    yield from inside
    yield "".join(f"</{head.partition(' ')[0]}>" for head in reversed(heads))
