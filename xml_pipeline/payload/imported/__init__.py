"""Payload classes made from a JSON Schema, such as a tool of another program brings along."""

from __future__ import annotations

from xml_pipeline.payload.imported.payload import payload_from_json_schema

__all__ = ["payload_from_json_schema"]
