"""A provider that has several backends for a model, and asks the next where one fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from xml_pipeline.llm.attempts import Attempts
from xml_pipeline.llm.base import Completion, Hear, Provider, Request, unheard
from xml_pipeline.llm.errors import ProviderError, Reason

Strategy = Literal["failover", "round-robin", "least-loaded"]

FINAL: frozenset[Reason] = frozenset({"overflow", "invalid"})
"""Reasons that lie in the request: every other backend would refuse it too."""

NOT_FOUND = 404
"""The status of a backend that does not have the model: another one may."""


def idle() -> float:
    """Return the load of a backend that knows none."""
    return 0.0


@dataclass(frozen=True, slots=True)
class Backend:
    """One way to a model. ``load`` tells how busy it is, 1 where it is full."""

    name: str
    provider: Provider
    priority: int = 1
    load: Callable[[], float] = idle


class Router:
    """Asks the backends in their turn, each once, until one answers.

    ``failover`` asks the lowest priority first, ``round-robin`` begins each request with the next
    one, ``least-loaded`` with the one that is least busy. Raises the error that leaves most hope.
    """

    def __init__(self, backends: Sequence[Backend], strategy: Strategy = "failover") -> None:
        self._backends = sorted(backends, key=lambda each: each.priority)
        self._strategy = strategy
        self._requests = 0

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Ask one backend after the other."""
        attempts = Attempts(hear)
        failures: list[ProviderError] = []
        for backend in self._in_turn():
            if failures:
                attempts.again(f"{failures[-1]}; {backend.name} is asked instead")
            try:
                completion = await backend.provider.complete(request, attempts.hear)
                return attempts.completed(completion)
            except ProviderError as error:
                attempts.failed(error)
                failures.append(error)
                if error.reason in FINAL and error.status != NOT_FOUND:
                    raise attempts.exhausted(error) from None
        raise attempts.exhausted(_most_hopeful(failures))

    async def aclose(self) -> None:
        """Close every backend."""
        for backend in self._backends:
            await backend.provider.aclose()

    def _in_turn(self) -> list[Backend]:
        if self._strategy == "least-loaded":
            return sorted(self._backends, key=lambda each: each.load())
        first = self._requests % len(self._backends) if self._strategy == "round-robin" else 0
        self._requests += 1
        return self._backends[first:] + self._backends[:first]


def _most_hopeful(failures: Sequence[ProviderError]) -> ProviderError:
    """Return the failure after which asking again helps soonest, else the last."""
    passing = [each for each in failures if each.passing]
    return min(passing, key=lambda each: each.retry_after or 0.0) if passing else failures[-1]
