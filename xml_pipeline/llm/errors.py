"""Why a language model gave no answer, and whether asking again may help."""

from __future__ import annotations

from typing import Literal

from xml_pipeline.errors import XmlPipelineError
from xml_pipeline.llm.base import Usage

Reason = Literal[
    "auth",  # the key is missing or refused
    "rate_limit",
    "server",  # an error on their side, or they are overloaded
    "network",  # unreachable, cut off, or silent for too long
    "overflow",  # more than the model can read
    "invalid",  # the request is wrong and stays wrong
    "unknown",
]

PASSING: frozenset[Reason] = frozenset({"rate_limit", "server", "network"})
"""Reasons that may be gone by the next attempt."""


class ProviderError(XmlPipelineError):
    """A language model could not be asked, or did not answer properly.

    ``status`` is the HTTP status, 0 where there was none; ``retry_after`` is what the provider
    asked for, in seconds. ``usage`` and ``usd`` are of all attempts so far. The message never holds
    a key, nor a body that could hold one.
    """

    def __init__(  # a record, one argument a field
        self,
        reason: Reason,
        message: str,
        *,
        status: int = 0,
        retry_after: float | None = None,
        usage: Usage | None = None,
        usd: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.status = status
        self.retry_after = retry_after
        self.usage = usage if usage is not None else Usage()
        self.usd = usd

    @property
    def passing(self) -> bool:
        """Tell whether asking again may help."""
        return self.reason in PASSING
