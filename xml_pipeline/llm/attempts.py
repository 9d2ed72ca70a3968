"""Several attempts at one answer: one stream for whoever hears, and the tokens of all of them.

The rule it guards: *what is heard is said once, and what is spent is counted once*, however
many attempts an answer takes.
"""

from __future__ import annotations

from dataclasses import replace

from xml_pipeline.llm.base import (
    Completion,
    Delta,
    Hear,
    Restarted,
    TextDelta,
    ThinkingDelta,
    Usage,
    unheard,
)
from xml_pipeline.llm.errors import ProviderError


class Attempts:
    """Passes on what is heard, and adds up what is spent."""

    def __init__(self, hear: Hear) -> None:
        self._hear = hear
        self._begun = False
        self._usage = Usage()
        self._usd: float | None = 0.0

    @property
    def hear(self) -> Hear:
        """Return what the next attempt is to tell; ``unheard`` where nobody hears."""
        return unheard if self._hear is unheard else self._listen

    def _listen(self, delta: Delta) -> None:
        if isinstance(delta, TextDelta | ThinkingDelta | Restarted):
            self._begun = not isinstance(delta, Restarted)
        self._hear(delta)

    def again(self, why: str) -> None:
        """Take back what was heard of an attempt, for another one follows."""
        if self._begun:
            self._begun = False
            self._hear(Restarted(why))

    def failed(self, error: ProviderError) -> None:
        """Count what an attempt spent in vain."""
        self._usage += error.usage
        if self._usd is not None:
            self._usd += error.usd

    def rejected(self, completion: Completion) -> None:
        """Count what an answer took that will not do."""
        self._usage += completion.usage
        if self._usd is not None:
            self._usd = None if completion.usd is None else self._usd + completion.usd

    def completed(self, completion: Completion) -> Completion:
        """Return an answer with what all attempts took."""
        self.rejected(completion)
        return replace(completion, usage=self._usage, usd=self._usd)

    def exhausted(self, error: ProviderError) -> ProviderError:
        """Return an error that ends it, with what all attempts took; it has been counted."""
        error.usage, error.usd = self._usage, self._usd or 0.0
        return error
