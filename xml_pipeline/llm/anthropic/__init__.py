"""Anthropic's Messages API: https://platform.claude.com/docs/en/api/messages."""

from __future__ import annotations

from xml_pipeline.llm.anthropic.reply import Assembly, completion
from xml_pipeline.llm.anthropic.request import written
from xml_pipeline.llm.base import Provider
from xml_pipeline.llm.wire.addresses import Address
from xml_pipeline.llm.wire.provider import Format, Wire
from xml_pipeline.llm.wiring import Wiring

ADDRESS = Address("https://api.anthropic.com", "ANTHROPIC_API_KEY")
FORMAT = Format(written, Assembly, completion)
VERSION = "2023-06-01"


def configured(wiring: Wiring) -> Provider:
    """Return the provider that a backend means. Raises ConfigError."""
    key = ADDRESS.key(wiring)
    headers = {"anthropic-version": VERSION}
    if key:
        headers["x-api-key"] = key.get_secret_value()
    return Wire(ADDRESS.endpoint(wiring, "/v1/messages", headers, key), FORMAT)
