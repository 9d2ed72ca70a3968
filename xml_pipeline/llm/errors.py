"""Why a language model gave no answer, and whether asking again may help."""

from __future__ import annotations

import re
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


OVERFLOWS = (
    "prompt is too long",
    "maximum context length",
    "context_length_exceeded",
    "context window",
    "exceed context limit",
    "too many tokens",
    "input is too long",
    "exceeds the model's maximum context",
    "request too large",
    "content too large",
)
"""What providers write when a request is more than the model can read."""

# The answer was to be longer than the model can write, which a shorter request does not mend.
_BLAMES_THE_ANSWER = re.compile(r"\W*max_(?:completion_|output_)?tokens\b", re.I)

_BY_STATUS: dict[int, Reason] = {
    401: "auth",
    403: "auth",
    404: "invalid",
    408: "server",
    413: "overflow",
    422: "invalid",
    429: "rate_limit",
}


def reason_of(status: int, words: str) -> Reason:
    """Return why a provider refused, by its HTTP status and what it said."""
    if status == 400:
        said = words.lower()
        too_much = any(each in said for each in OVERFLOWS)
        return "overflow" if too_much and not _BLAMES_THE_ANSWER.match(said) else "invalid"
    return _BY_STATUS.get(status, "server" if 500 <= status < 600 else "unknown")


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
