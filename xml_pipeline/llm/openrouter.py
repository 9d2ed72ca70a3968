"""OpenRouter: the models of many, at one address.

https://openrouter.ai/docs/api/reference/overview
"""

from __future__ import annotations

from xml_pipeline.llm.base import Provider
from xml_pipeline.llm.openai.chat import chat
from xml_pipeline.llm.openai.request import Dialect
from xml_pipeline.llm.wire.addresses import Address
from xml_pipeline.llm.wiring import Wiring

ADDRESS = Address("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY")
DIALECT = Dialect(effort="reasoning")


def configured(wiring: Wiring) -> Provider:
    """Return the provider that a backend means. Raises ConfigError."""
    return chat(wiring, ADDRESS, DIALECT)
