"""The kinds of text: how each looks in XSD, and how it turns into a value and back.

``write`` and ``read`` are expressions for the generated code, with ``{x}`` for the value and
for the text; the names they use are in `SUPPORT`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lxml import etree

from xml_pipeline.payload.text import escape

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_FLOATS = MappingProxyType({"inf": "INF", "-inf": "-INF", "nan": "NaN"})


def float_text(value: float) -> str:
    """Write the shortest text that reads back as this float."""
    text = repr(float(value))
    return _FLOATS.get(text, text)


def is_nil(element: etree._Element) -> bool:
    """Tell whether the element says that it stands for None."""
    return element.get(_NIL, "").strip() in ("true", "1")


@dataclass(frozen=True, slots=True)
class ScalarType:
    """One row of the table: ``name`` is what annotations and schemas call it."""

    name: str
    python: type
    base: str
    write: str
    read: str


SCALARS: tuple[ScalarType, ...] = (
    ScalarType("str", str, "xs:string", "escape({x})", "{x} or ''"),
    ScalarType("int", int, "xs:integer", "format({x}, 'd')", "int({x})"),
    ScalarType("float", float, "xs:double", "float_text({x})", "float({x})"),
    ScalarType("bool", bool, "xs:boolean", "BOOLEANS[{x}]", "{x}.strip() in TRUE"),
)

SUPPORT: Mapping[str, object] = MappingProxyType(
    {
        "escape": escape,
        "float_text": float_text,
        "BOOLEANS": {True: "true", False: "false"},
        "TRUE": ("true", "1"),
        "is_nil": is_nil,
    }
)
