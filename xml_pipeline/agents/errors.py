"""Why an agent gave no answer."""

from __future__ import annotations

from typing import Any

from xml_pipeline.errors import FaultCode, XmlPipelineError
from xml_pipeline.spent import Spent, told


class RunFailed(XmlPipelineError):
    """An agent's run ended without an answer; ``spent`` is what it took until then.

    ``reason`` is the provider's, where it was the model that gave none.
    """

    def __init__(
        self, why: str, spent: Spent, code: FaultCode | None = None, reason: str = ""
    ) -> None:
        super().__init__(why)
        self.code = code
        self.spent = spent
        self.reason = reason

    def about(self) -> dict[str, Any]:
        """Return what is told of it: why, and what it took."""
        why = {"why": str(self), "code": self.code or "handler", "reason": self.reason}
        return why | told(self.spent)
