"""Providers and budgets that tests of this room share."""

from __future__ import annotations

from xml_pipeline.errors import BudgetExhausted
from xml_pipeline.llm.base import Request, said
from xml_pipeline.llm.script import Answered, Reply
from xml_pipeline.testing import ScriptedProvider

ASKED = Request("any", (said("user", "Well?"),), max_tokens=100)
"""It is estimated to take 106 tokens."""

DOWN = Reply(error="server")


class Sequence(ScriptedProvider):
    """Gives one answer after the other, whatever is asked, and counts the requests."""

    def __init__(self, *answers: Answered) -> None:
        self._answers = iter(answers)
        self.requests: list[Request] = []
        super().__init__(self._next)

    def _next(self, request: Request) -> Answered:
        self.requests.append(request)
        return next(self._answers)


class Account:
    """A budget that records what is set aside and what is spent."""

    def __init__(self, tokens: int) -> None:
        self.left = tokens
        self.spent = 0
        self.usd = 0.0
        self.reserved: list[tuple[int, float]] = []
        self.written: list[int] = []

    def reserve(self, tokens: int = 0, usd: float = 0.0) -> Entry:
        """Set tokens aside; BudgetExhausted where they are not there."""
        if tokens > self.left:
            raise BudgetExhausted(f"{self.left} tokens left", code="budget")
        self.left -= tokens
        self.reserved.append((tokens, usd))
        return Entry(self, tokens)


class Entry:
    """Tokens set aside."""

    def __init__(self, account: Account, tokens: int) -> None:
        self._account = account
        self._tokens = tokens
        self._is_open = True

    async def written(self) -> None:
        """Note that somebody waited for it."""
        self._account.written.append(self._tokens)

    def settle(self, tokens: int = 0, usd: float = 0.0) -> None:
        """Give back the difference; once."""
        assert self._is_open
        self._is_open = False
        self._account.left += self._tokens - tokens
        self._account.spent += tokens
        self._account.usd += usd

    def release(self) -> None:
        """Give all of it back."""
        self.settle()
