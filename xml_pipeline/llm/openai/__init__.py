"""Chat completions of OpenAI, and of all who speak like it: with a `base_url`, any of them.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from xml_pipeline.llm.base import Provider
from xml_pipeline.llm.openai.chat import chat
from xml_pipeline.llm.openai.request import Dialect
from xml_pipeline.llm.wire.addresses import Address
from xml_pipeline.llm.wiring import Wiring

ADDRESS = Address("https://api.openai.com/v1", "OPENAI_API_KEY")
DIALECT = Dialect(limit="max_completion_tokens")
ELSEWHERE = Dialect()
"""Of whom nothing is known but a `base_url`."""


def configured(wiring: Wiring) -> Provider:
    """Return the provider that a backend means. Raises ConfigError."""
    return chat(wiring, ADDRESS, ELSEWHERE if wiring.backend.base_url else DIALECT)
