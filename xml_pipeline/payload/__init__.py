"""Payloads: a dataclass that is also an XML element, an XSD, a JSON Schema and an example."""

from __future__ import annotations

from xml_pipeline.payload.codec import Codec, codec_of, xmlify
from xml_pipeline.payload.raw import RawPayload

__all__ = ["Codec", "RawPayload", "codec_of", "xmlify"]
