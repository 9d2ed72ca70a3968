"""Ollama: models on one's own machine, without a key.

https://docs.ollama.com/api/openai-compatibility
"""

from __future__ import annotations

from xml_pipeline.llm.base import Provider
from xml_pipeline.llm.openai.chat import chat
from xml_pipeline.llm.openai.request import Dialect
from xml_pipeline.llm.wire.addresses import Address
from xml_pipeline.llm.wiring import Wiring

ADDRESS = Address("http://localhost:11434/v1", "OLLAMA_API_KEY", needs_key=False)
DIALECT = Dialect()


def configured(wiring: Wiring) -> Provider:
    """Return the provider that a backend means. Raises ConfigError."""
    return chat(wiring, ADDRESS, DIALECT)
