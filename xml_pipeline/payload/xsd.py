"""Writes the XSD of a payload, and compiles schemas that load nothing from anywhere.

The schema has no target namespace. Each record is a named type. Each kind of text that is used
without constraints of its own is a named type too, with a dot in its name, so that no class can
be called the same. Content models stay flat: libxml2 miscounts nested ``maxOccurs``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import singledispatchmethod

from lxml import etree

from xml_pipeline.errors import PayloadDefinitionError
from xml_pipeline.payload.lexical import write_decimal, write_float
from xml_pipeline.payload.model.facets import FREE, Bound, Facets, Number
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
from xml_pipeline.payload.text import escape, escape_attribute

Lines = Iterator[str]
_TEXT = Scalar(SCALARS[str])
_NUMBERS: dict[type, Callable[..., str]] = {int: str, float: write_float}


class _Sealed(etree.Resolver):
    """Refuses whatever a schema asks for."""

    def resolve(self, system_url: str, public_id: str, *_context: object) -> object:
        raise PayloadDefinitionError(f"a schema may not load {system_url}")


def compile_schema(xsd: bytes) -> etree.XMLSchema:
    """Compile an XSD that includes nothing, from disk or network.

    Raises:
        PayloadDefinitionError: libxml2 does not accept it.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    parser.resolvers.add(_Sealed())
    try:
        return etree.XMLSchema(etree.fromstring(xsd, parser))
    except (etree.XMLSyntaxError, etree.XMLSchemaParseError) as error:
        raise PayloadDefinitionError(f"not a schema: {error}") from error


def write_xsd(model: Model) -> bytes:
    """Return the XSD for a model, indented by two spaces, UTF-8."""
    return _Xsd(model).text().encode()


class _Xsd:
    """Writes one schema; remembers which kinds of text it has to define at the end."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._plain: dict[str, Scalar] = {}
        self._tables = 0

    def text(self) -> str:
        """Return the whole schema."""
        root = self._model.records[self._model.root]
        types = [line for record in self._model.records.values() for line in self._record(record)]
        for name, kind in self._plain.items():
            types += self._simple(kind, f' name="{name}"')
        return "\n".join(
            [
                '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">',
                f'  <xs:element name="{root.tag}" type="{root.type_name}"/>',
                *_indented(types),
                "</xs:schema>",
                "",
            ]
        )

    def _record(self, record: Record) -> Lines:
        yield f'<xs:complexType name="{record.type_name}">'
        yield from _indented(_documentation(record.doc))
        if record.members:
            yield "  <xs:sequence>"
            for member in record.members:
                yield from _indented(self._member(member), 4)
            yield "  </xs:sequence>"
        yield "</xs:complexType>"

    def _member(self, member: Member) -> Lines:
        occurs = "" if member.required else ' minOccurs="0"'
        kind = member.kind
        if isinstance(kind, Nullable) and not member.nillable:
            kind = kind.inner
        yield from self._element(member.element, kind, occurs, member.doc)

    def _element(self, name: str, kind: Kind, occurs: str = "", doc: str = "") -> Lines:
        if isinstance(kind, Nullable):
            kind, occurs = kind.inner, f'{occurs} nillable="true"'
        head = f'<xs:element name="{name}"{occurs}'
        named = self._named(kind)
        inside = [*_documentation(doc), *(() if named else self._type(kind))]
        type_ = f' type="{named}"' if named else ""
        if not inside:
            yield f"{head}{type_}/>"
            return
        yield f"{head}{type_}>"
        yield from _indented(inside)
        yield "</xs:element>"

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
        """Yield the definition of a type in place."""
        raise NotImplementedError(kind)

    @_type.register
    def _(self, kind: Scalar) -> Lines:
        yield from self._simple(kind, "")

    @_type.register
    def _(self, kind: Options) -> Lines:
        yield "<xs:simpleType>"
        yield '  <xs:restriction base="xs:string">'
        for option in kind.options:
            yield f'    <xs:enumeration value="{escape_attribute(option.text)}"/>'
        yield "  </xs:restriction>"
        yield "</xs:simpleType>"

    @_type.register
    def _(self, kind: Items) -> Lines:
        yield from _sequence(self._element("item", kind.item, _occurs(kind.facets)))

    @_type.register
    def _(self, kind: Row) -> Lines:
        yield from _sequence(
            line
            for number, item in enumerate(kind.items, 1)
            for line in self._element(f"item{number}", item)
        )

    @_type.register
    def _(self, kind: Table) -> Lines:
        entry = [*self._element("key", kind.key), *self._element("value", kind.value)]
        item = [f'<xs:element name="item"{_occurs(kind.facets)}>']
        item += _indented(_sequence(iter(entry)))
        yield from _sequence(iter([*item, "</xs:element>"]))
        self._tables += 1
        yield f'<xs:unique name="each-key-once.{self._tables}">'
        yield '  <xs:selector xpath="item"/>'
        yield '  <xs:field xpath="key"/>'
        yield "</xs:unique>"

    @_type.register
    def _(self, kind: Either) -> Lines:
        yield "<xs:complexType>"
        yield "  <xs:choice>"
        for key in kind.keys:
            tag, type_name = self._model.tag(key), self._model.type_name(key)
            yield f'    <xs:element name="{tag}" type="{type_name}"/>'
        yield "  </xs:choice>"
        yield "</xs:complexType>"

    @_type.register
    def _(self, kind: Markup) -> Lines:
        yield '<xs:complexType mixed="true">'
        yield "  <xs:sequence>"
        yield '    <xs:any minOccurs="0" maxOccurs="unbounded" processContents="skip"/>'
        yield "  </xs:sequence>"
        yield "</xs:complexType>"

    def _simple(self, kind: Scalar, name: str) -> Lines:
        yield f"<xs:simpleType{name}>"
        yield f'  <xs:restriction base="{kind.type.base}">'
        yield from _indented(kind.type.restriction, 4)
        yield from _indented(_facets(kind), 4)
        yield "  </xs:restriction>"
        yield "</xs:simpleType>"


def _facets(kind: Scalar) -> Lines:
    facets = kind.limits
    for bound, side in ((facets.low, "min"), (facets.high, "max")):
        if bound:
            yield f'<xs:{side}{_sort(bound)} value="{_number(bound.value)}"/>'
    if facets.bounded and kind.type.python is float:
        # libxml2 takes NaN for greater than any bound; no other double is written with an a.
        yield '<xs:pattern value="[^a]*"/>'
    if facets.min_length:
        yield f'<xs:minLength value="{facets.min_length}"/>'
    if facets.max_length is not None:
        yield f'<xs:maxLength value="{facets.max_length}"/>'
    if facets.pattern and facets.pattern.xsd:
        yield f'<xs:pattern value="{escape_attribute(facets.pattern.xsd)}"/>'


def _sort(bound: Bound) -> str:
    return "Inclusive" if bound.inclusive else "Exclusive"


def _number(value: Number) -> str:
    return _NUMBERS.get(type(value), write_decimal)(value)


def _occurs(facets: Facets) -> str:
    most = "unbounded" if facets.max_length is None else facets.max_length
    return f' minOccurs="{facets.min_length}" maxOccurs="{most}"'


def _sequence(lines: Lines) -> Lines:
    yield "<xs:complexType>"
    yield "  <xs:sequence>"
    yield from _indented(lines, 4)
    yield "  </xs:sequence>"
    yield "</xs:complexType>"


def _documentation(doc: str) -> Lines:
    if doc:
        yield "<xs:annotation>"
        yield f"  <xs:documentation>{escape(doc)}</xs:documentation>"
        yield "</xs:annotation>"


def _indented(lines: Iterator[str] | list[str] | tuple[str, ...], width: int = 2) -> Lines:
    return (f"{' ' * width}{line}" for line in lines)
