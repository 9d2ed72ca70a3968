"""Payloads: a dataclass that is also an XML element, an XSD, a JSON Schema and an example."""

from __future__ import annotations

from xml_pipeline.payload.codec import Codec
from xml_pipeline.payload.decorate import codec_of, xmlify
from xml_pipeline.payload.raw import ABSENT, Absent, Json, JsonValue, RawPayload, RawXml
from xml_pipeline.payload.regex.syntax import Pattern
from xml_pipeline.payload.xsd import compile_schema

__all__ = [
    "ABSENT",
    "Absent",
    "Codec",
    "Json",
    "JsonValue",
    "Pattern",
    "RawPayload",
    "RawXml",
    "codec_of",
    "compile_schema",
    "xmlify",
]
