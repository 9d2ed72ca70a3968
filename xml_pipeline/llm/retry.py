"""A provider that asks again where that may help.

Delays grow exponentially with full jitter: a random part of ``base · 2ⁿ``, at most ``longest``
(Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). Where the other side
said how long to wait, nobody asks sooner; where that is longer than ``longest``, it is given up
at once, and the error says when to come again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from xml_pipeline.llm.attempts import Attempts
from xml_pipeline.llm.base import Completion, Hear, Provider, Request, Retrying, unheard
from xml_pipeline.llm.errors import ProviderError

MOST_DOUBLINGS = 62
"""So that the delay of a far attempt is still a number."""


class Retry:
    """Asks up to ``retries`` times again, ``base`` seconds after the first attempt at most.

    ``chance`` returns a number from 0 up to 1.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        retries: int = 3,
        base: float = 1.0,
        longest: float = 60.0,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._provider = provider
        self._retries = retries
        self._base = base
        self._longest = longest
        self._chance = chance

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Ask until there is an answer, or asking again is of no use."""
        attempts = Attempts(hear)
        attempt = 1
        while True:
            try:
                completion = await self._provider.complete(request, attempts.hear)
                return attempts.completed(completion)
            except ProviderError as error:
                attempts.failed(error)
                delay, why = self._delay(attempt, error), str(error)
                if delay is None:
                    raise attempts.exhausted(error) from None
            hear(Retrying(attempt, self._retries + 1, delay, why))
            attempts.again(why)
            await asyncio.sleep(delay)
            attempt += 1

    async def aclose(self) -> None:
        """Close the provider."""
        await self._provider.aclose()

    def _delay(self, attempt: int, error: ProviderError) -> float | None:
        """Return the seconds until the next attempt, None where there is to be none."""
        asked = error.retry_after or 0.0
        if not error.passing or attempt > self._retries or asked > self._longest:
            return None
        if asked:
            return min(self._longest, asked + self._chance() * self._base)
        doubled = self._base * 2.0 ** min(attempt - 1, MOST_DOUBLINGS)
        return self._chance() * min(self._longest, doubled)
