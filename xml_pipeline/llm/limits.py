"""A provider that is asked no faster than its backend allows."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from xml_pipeline.llm import tokens
from xml_pipeline.llm.base import Completion, Hear, Provider, Request, unheard
from xml_pipeline.llm.errors import ProviderError

_CRUMB = 1e-9
"""Part of a full bucket that fractions may lose on the way."""


class TokenBucket:
    """Lets ``per_minute`` tokens through each minute; what was not used is kept for one.

    It starts full. Whoever wants more than it can hold waits until it is full, and leaves it in
    debt: so large requests pass, and the rate holds all the same. They are served in the order
    in which they came. The clock is the event loop's.
    """

    def __init__(self, per_minute: int) -> None:
        self._capacity = float(per_minute)
        self._rate = per_minute / 60.0
        self._level = self._capacity
        self._filled_at: float | None = None
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()

    async def take(self, amount: int) -> None:
        """Take that many tokens as soon as they are there."""
        wanted = min(float(amount), self._capacity) - self._capacity * _CRUMB
        async with self._turn:
            while (missing := wanted - self._refilled()) > 0:
                self._news.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout((missing + self._capacity * _CRUMB) / self._rate):
                        await self._news.wait()
            self._level -= amount

    def give_back(self, amount: int) -> None:
        """Put back what was taken and not used; less than nothing takes more, without waiting."""
        self._level = min(self._capacity, self._refilled() + amount)
        self._news.set()

    def _refilled(self) -> float:
        now = asyncio.get_running_loop().time()
        if self._filled_at is not None:
            self._level += (now - self._filled_at) * self._rate
        self._level = min(self._capacity, self._level)
        self._filled_at = now
        return self._level


class Limited:
    """Asks with ``max_concurrent`` requests at one time and ``per_minute`` tokens at most.

    Until a request is answered it is taken to use all the tokens that it may.
    """

    def __init__(self, provider: Provider, *, per_minute: int, max_concurrent: int) -> None:
        self._provider = provider
        self._bucket = TokenBucket(per_minute)
        self._slots = asyncio.Semaphore(max_concurrent)
        self._max_concurrent = max_concurrent
        self._requests = 0

    def load(self) -> float:
        """Return how busy it is, those who wait included; 1 where it is full."""
        return self._requests / self._max_concurrent

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Ask as soon as that is allowed."""
        self._requests += 1
        try:
            async with self._slots:
                return await self._within_rate(request, hear)
        finally:
            self._requests -= 1

    async def aclose(self) -> None:
        """Close the provider."""
        await self._provider.aclose()

    async def _within_rate(self, request: Request, hear: Hear) -> Completion:
        expected = used = tokens.of_request(request) + request.max_tokens
        await self._bucket.take(expected)
        try:
            completion = await self._provider.complete(request, hear)
            used = completion.usage.total
        except ProviderError as error:
            used = error.usage.total
            raise
        finally:
            self._bucket.give_back(expected - used)
        return completion
