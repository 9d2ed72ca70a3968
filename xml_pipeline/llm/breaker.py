"""A provider that leaves its backend alone while that is down.

After several failures in a row the circuit opens: whoever asks is refused at once. When it has
cooled down, it is half open by itself: one request at a time is let through, and tries out
whether the backend is there again.
"""

from __future__ import annotations

import asyncio
from typing import Literal

from xml_pipeline.llm.base import Completion, Hear, Provider, Request, unheard
from xml_pipeline.llm.errors import ProviderError, Reason

DOWN: frozenset[Reason] = frozenset({"server", "network"})
"""Reasons that tell of a backend that is down; with any other one, it has answered."""

State = Literal["closed", "open", "half-open"]


class Breaker:
    """Opens after ``failures`` in a row, for ``cool_down`` seconds; closes after ``successes``."""

    def __init__(
        self,
        provider: Provider,
        *,
        failures: int = 5,
        cool_down: float = 30.0,
        successes: int = 2,
    ) -> None:
        self._provider = provider
        self._failures_to_open = failures
        self._cool_down = cool_down
        self._successes_to_close = successes
        self._failures = self._successes = 0
        self._opened_at: float | None = None
        self._trying = False

    def state(self) -> State:
        """Return whether requests pass: all, none, or one at a time."""
        if self._opened_at is None:
            return "closed"
        return "open" if self._seconds_left() > 0 else "half-open"

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Ask, unless the circuit is open: then it raises ProviderError at once."""
        is_trial = self._admitted()
        try:
            completion = await self._provider.complete(request, hear)
        except ProviderError as error:
            if error.reason in DOWN:
                self._failed(is_trial)
            else:
                self._answered(is_trial)
            raise
        else:
            self._answered(is_trial)
            return completion
        finally:
            if is_trial:
                self._trying = False

    async def aclose(self) -> None:
        """Close the provider."""
        await self._provider.aclose()

    def _admitted(self) -> bool:
        """Tell whether this request tries the backend out; ProviderError where none may pass."""
        state = self.state()
        if state == "open":
            why = f"not asked: it failed {self._failures_to_open} times in a row"
            raise ProviderError("server", why, retry_after=self._seconds_left())
        if state == "half-open" and self._trying:
            raise ProviderError("server", "not asked: another request tries whether it is back")
        self._trying = state == "half-open"
        return self._trying

    def _seconds_left(self) -> float:
        if self._opened_at is None:
            return 0.0
        return self._opened_at + self._cool_down - asyncio.get_running_loop().time()

    def _answered(self, is_trial: bool) -> None:
        if self._opened_at is None:
            self._failures = 0
        elif is_trial:
            self._successes += 1
            if self._successes >= self._successes_to_close:
                self._failures, self._opened_at = 0, None

    def _failed(self, is_trial: bool) -> None:
        # What was asked while it was closed and fails now tells nothing new.
        if self._opened_at is None:
            self._failures += 1
        if is_trial or (self._opened_at is None and self._failures >= self._failures_to_open):
            self._successes = 0
            self._opened_at = asyncio.get_running_loop().time()
