"""A provider that says what it is told to say, one answer after the other."""

from __future__ import annotations

from collections.abc import Iterable

from xml_pipeline.llm.base import Completion, Hear, Request, Usage, said, unheard
from xml_pipeline.llm.errors import ProviderError

Answer = str | Completion | ProviderError


class Answers:
    """Gives each answer once, and remembers what it was asked."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self._answers = iter(answers)
        self.asked: list[Request] = []

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        self.asked.append(request)
        answer = next(self._answers)
        if isinstance(answer, ProviderError):
            raise answer
        return completion(answer) if isinstance(answer, str) else answer

    async def aclose(self) -> None:
        """Close nothing."""


def completion(text: str, usd: float | None = 0.5) -> Completion:
    return Completion(said("assistant", text), Usage(input=10, output=1), usd=usd)


def cut_off(text: str) -> Completion:
    return Completion(said("assistant", text), Usage(input=10, output=1), stop="max_tokens")
