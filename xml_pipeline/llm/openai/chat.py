"""What all have in common who speak like OpenAI."""

from __future__ import annotations

from functools import partial

from xml_pipeline.llm.base import Provider
from xml_pipeline.llm.openai.assembly import Assembly
from xml_pipeline.llm.openai.reply import completion
from xml_pipeline.llm.openai.request import Dialect, written
from xml_pipeline.llm.wire.addresses import Address
from xml_pipeline.llm.wire.provider import Format, Wire
from xml_pipeline.llm.wiring import Wiring


def chat(wiring: Wiring, address: Address, dialect: Dialect) -> Provider:
    """Return the provider that a backend at such an address means. Raises ConfigError."""
    key = address.key(wiring)
    headers = {"authorization": f"Bearer {key.get_secret_value()}"} if key else {}
    endpoint = address.endpoint(wiring, "/chat/completions", headers, key)
    return Wire(endpoint, format_of(dialect))


def format_of(dialect: Dialect) -> Format:
    """Return the format of chat completions in a dialect."""
    return Format(partial(written, dialect), Assembly, completion)
