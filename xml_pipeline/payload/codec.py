"""A payload class bound to XML: its writer, reader and schemas."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Generic, TypeVar

from lxml import etree

from xml_pipeline.errors import InvalidPayload, PayloadDefinitionError
from xml_pipeline.payload.kinds import Model
from xml_pipeline.payload.reader import Reader
from xml_pipeline.payload.resolve import Resolver
from xml_pipeline.payload.source import Source
from xml_pipeline.payload.writer import Writer
from xml_pipeline.payload.xsd import compile_schema, write_xsd

P = TypeVar("P")
_ATTRIBUTE = "__payload_codec__"


class Codec(Generic[P]):
    cls: type[P]
    tag: str
    write: Callable[[P], str]
    write_embedded: Callable[[P], str]
    read: Callable[[etree._Element], P]
    xsd: bytes

    def __init__(self, cls: type[P], model: Model) -> None:
        self.cls = cls
        root = model.records[model.root]
        self.tag = root.tag
        source = Source(model)
        Writer(source).add()
        Reader(source).add()
        label = source.label(model.root)
        for name, attribute in (("write", ""), ("embed", ' xmlns=\\"\\"')):
            source.function(
                f"{name}(value)",
                [f'return f"<{self.tag}{attribute}>{{write_{label}(value)}}</{self.tag}>"'],
            )
        functions = source.compile(f"<payload {cls.__module__}.{cls.__qualname__}>")
        self.write = functions("write")
        self.write_embedded = functions("embed")
        self.read = functions(f"read_{label}")
        self.xsd = write_xsd(model)

    @cached_property
    def schema(self) -> etree.XMLSchema:
        return compile_schema(self.xsd)

    def to_xml(self, payload: P) -> bytes:
        return self.write(payload).encode()

    def from_xml(self, source: bytes | etree._Element) -> P:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
        try:
            element = etree.fromstring(source, parser) if isinstance(source, bytes) else source
        except etree.XMLSyntaxError as error:
            raise InvalidPayload(str(error)) from error
        if not self.schema(element):
            raise InvalidPayload(str(self.schema.error_log.last_error))
        return self.read(element)


def xmlify(cls: type[P]) -> type[P]:
    """Make a dataclass a payload."""
    setattr(cls, _ATTRIBUTE, Codec(cls, Resolver().model(cls)))
    setattr(cls, "to_xml", lambda self: codec_of(type(self)).to_xml(self))
    setattr(cls, "from_xml", classmethod(lambda c, source: codec_of(c).from_xml(source)))
    setattr(cls, "xsd", classmethod(lambda c: codec_of(c).xsd))
    return cls


def codec_of(cls: type[P]) -> Codec[P]:
    codec = cls.__dict__.get(_ATTRIBUTE)
    if not isinstance(codec, Codec):
        raise PayloadDefinitionError(f"{cls.__qualname__} is not decorated with @xmlify")
    return codec
