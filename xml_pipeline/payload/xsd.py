"""Writes the XSD of a payload, and compiles schemas that load nothing from anywhere.

The schema has no target namespace. Each record is a named type; each kind of text that is used
unconstrained is a named type with a dot in its name, which no class can have.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from xml_pipeline.errors import PayloadDefinitionError
from xml_pipeline.payload.facets import Facets
from xml_pipeline.payload.kinds import Items, Kind, Member, Model, Nested, Nullable, Record, Scalar
from xml_pipeline.payload.text import escape

Lines = Iterator[str]


class _Sealed(etree.Resolver):
    """Refuses whatever a schema asks for."""

    def resolve(self, system_url: str, public_id: str, context: object) -> object:
        raise PayloadDefinitionError(f"a schema may not load {system_url}")


def compile_schema(xsd: bytes) -> etree.XMLSchema:
    """Compile an XSD that includes nothing, from disk or network."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    parser.resolvers.add(_Sealed())
    return etree.XMLSchema(etree.fromstring(xsd, parser))


def write_xsd(model: Model) -> bytes:
    """Return the XSD for a model, indented by two spaces, UTF-8."""
    root = model.records[model.root]
    lines = [
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">',
        f'  <xs:element name="{root.tag}" type="{root.tag}"/>',
    ]
    for record in model.records.values():
        lines += [f"  {line}" for line in _record(record)]
    return "\n".join([*lines, "</xs:schema>", ""]).encode()


def _record(record: Record) -> Lines:
    yield f'<xs:complexType name="{record.tag}">'
    if record.doc:
        yield f"  <xs:annotation><xs:documentation>{escape(record.doc)}</xs:documentation></xs:annotation>"
    yield "  <xs:sequence>"
    for member in record.members:
        yield from (f"    {line}" for line in _member(member))
    yield "  </xs:sequence>"
    yield "</xs:complexType>"


def _member(member: Member) -> Lines:
    extra = "" if member.required else ' minOccurs="0"'
    kind = member.kind
    if isinstance(kind, Nullable):
        extra += ' nillable="true"' if member.nillable else ""
        kind = kind.inner
    yield from element(member.element, kind, extra)


def element(name: str, kind: Kind, extra: str) -> Lines:
    if isinstance(kind, Nested):
        yield f'<xs:element name="{name}" type="{kind.key.__name__}"{extra}/>'
        return
    yield f'<xs:element name="{name}"{extra}>'
    yield from (f"  {line}" for line in _type(kind))
    yield "</xs:element>"


def _type(kind: Kind) -> Lines:
    if isinstance(kind, Scalar):
        yield f'<xs:simpleType><xs:restriction base="{kind.type.base}">'
        if kind.facets.max_length is not None:
            yield f'  <xs:maxLength value="{kind.facets.max_length}"/>'
        yield "</xs:restriction></xs:simpleType>"
    elif isinstance(kind, Items):
        yield "<xs:complexType><xs:sequence>"
        yield from (f"  {line}" for line in _items(kind.item, kind.facets))
        yield "</xs:sequence></xs:complexType>"


def _items(item: Kind, facets: Facets) -> Lines:
    most = "unbounded" if facets.max_length is None else str(facets.max_length)
    extra = f' minOccurs="{facets.min_length or 0}" maxOccurs="{most}"'
    if isinstance(item, Nullable):
        item, extra = item.inner, f'{extra} nillable="true"'
    yield from element("item", item, extra)
