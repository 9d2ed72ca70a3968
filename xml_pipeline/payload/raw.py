"""Payloads and fields whose content nobody has declared."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

from lxml import etree

from xml_pipeline.errors import InvalidPayload
from xml_pipeline.payload.text import escape

if TYPE_CHECKING:
    JsonValue: TypeAlias = (
        "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
    )
    """Whatever JSON can say."""
else:
    # Spelt out, it would ask whoever evaluates annotations for its own name.
    JsonValue = object


class JsonMark(Enum):
    """Marks a field as free-form JSON."""

    JSON = "json"


Json: TypeAlias = Annotated[JsonValue, JsonMark.JSON]
"""A field of free-form JSON: a JSON value in Python, JSON text in the element."""


class Absent(Enum):
    """The type of `ABSENT`: ``int | Absent`` is a field that may be left out."""

    ABSENT = "absent"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent.ABSENT
"""The value of a field that was left out, where None would mean something else."""


@dataclass(frozen=True, slots=True)
class RawPayload:
    """A payload that no listener has declared, as generic listeners receive it.

    ``xml`` is its exclusive canonical form, root element included.
    """

    tag: str
    xml: bytes

    def to_xml(self) -> bytes:
        """Return the document as it came."""
        return self.xml


class RawXml(str):
    """Any well-formed XML content, as its exclusive canonical text.

    ``RawXml("<a b='1'/>text")`` parses and canonicalises; comments are dropped, and processing
    instructions refused. Raises `InvalidPayload` for anything else that XML would not allow.
    """

    __slots__ = ()

    def __new__(cls, content: str = "") -> RawXml:
        if isinstance(content, RawXml):
            return content
        if not isinstance(content, str):
            raise TypeError(f"not a str but {type(content).__name__}")
        return content_of(parse_xml(f"<x>{content}</x>".encode("utf-8", "surrogatepass")))


_PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True
)


def parse_xml(document: bytes) -> etree._Element:
    """Parse a document strictly, without comments.

    Raises:
        InvalidPayload: it is not well-formed UTF-8 XML, or has a DOCTYPE or an instruction.
    """
    if b"\0" in document:  # libxml2 would take it for UTF-16
        raise InvalidPayload("not UTF-8")
    try:
        root = etree.fromstring(document, _PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InvalidPayload(f"not well-formed: {error}") from error
    if document[:1] == b"<" and b"<?" not in document and b"<!" not in document:
        return root  # In an encoding that ASCII is a part of, none of what follows is there.
    about: Any = root.getroottree().docinfo
    if about.doctype or str(about.encoding).upper() not in ("UTF-8", "US-ASCII", "ASCII"):
        raise InvalidPayload("neither a DOCTYPE nor an encoding but UTF-8 is allowed")
    if next(root.iter(etree.PI, etree.Entity), None) is not None:
        raise InvalidPayload("processing instructions and entities are not allowed")
    return root


def content_of(element: etree._Element) -> RawXml:
    """Return what is between an element's tags, each child canonical by itself."""
    parts = [escape(element.text or "")]
    for child in element:
        copy = etree.tostring(child, method="c14n", exclusive=True, with_comments=False)
        parts += (copy.decode(), escape(child.tail or ""))
    return str.__new__(RawXml, "".join(parts))


def write_json(value: object) -> str:
    """Return compact JSON text that XML can carry, escaped for XML.

    Raises:
        TypeError, ValueError: it is no JSON value; JSON has neither NaN nor infinity.
    """
    try:
        return escape(_WRITER.encode(value))
    except ValueError:
        return escape(_ASCII_WRITER.encode(value))


_COMPACT = (",", ":")
_WRITER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=_COMPACT)
_ASCII_WRITER = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=_COMPACT)


def read_json(text: str | None) -> JsonValue:
    """Read JSON text.

    Raises ValueError for bad JSON, duplicate keys, NaN, infinity, and what nests too deep to read.
    """
    try:
        value: JsonValue = _READER.decode(text or "")
    except RecursionError:
        raise ValueError("the JSON nests too deep") from None
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a JSON object has the same key twice")
    return found


def _no_constant(name: str) -> object:
    raise ValueError(f"JSON has no {name}")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is beyond what a number can hold")
    return value


_READER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
)
