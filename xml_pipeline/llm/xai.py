"""xAI: Grok.

https://docs.x.ai/docs/api-reference
"""

from __future__ import annotations

from xml_pipeline.llm.base import Provider
from xml_pipeline.llm.openai.chat import chat
from xml_pipeline.llm.openai.request import Dialect
from xml_pipeline.llm.wire.addresses import Address
from xml_pipeline.llm.wiring import Wiring

ADDRESS = Address("https://api.x.ai/v1", "XAI_API_KEY")
DIALECT = Dialect(limit="max_completion_tokens")


def configured(wiring: Wiring) -> Provider:
    """Return the provider that a backend means. Raises ConfigError."""
    return chat(wiring, ADDRESS, DIALECT)
