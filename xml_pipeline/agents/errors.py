"""Why an agent gave no answer."""

from __future__ import annotations

from typing import Any

from xml_pipeline.agents.payloads import Spent
from xml_pipeline.errors import FaultCode, XmlPipelineError


class RunFailed(XmlPipelineError):
    """An agent's run ended without an answer; ``spent`` is what it took until then."""

    def __init__(self, why: str, spent: Spent, code: FaultCode | None = None) -> None:
        super().__init__(why)
        self.code = code
        self.spent = spent

    def about(self) -> dict[str, Any]:
        """Return what is told of it: why, and what it took."""
        spent = self.spent
        return {
            "why": str(self),
            "input_tokens": spent.input_tokens,
            "output_tokens": spent.output_tokens,
            "usd": spent.usd,
            "turns": spent.turns,
            "tool_calls": spent.tool_calls,
        }
