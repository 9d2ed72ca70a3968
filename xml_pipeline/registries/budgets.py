"""Budgets: what a conversation may spend, shared by all its threads, never erased by a branch.

The rule this file guards: reserved + spent + free = total, whoever spends at the same time; and
what a handler has reserved is free again, at the latest, when its delivery is settled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from xml_pipeline.errors import BudgetExhausted
from xml_pipeline.journal import Journal
from xml_pipeline.listener import Delivered
from xml_pipeline.thread import Conversation

Severity = Literal["warning", "critical", "final", "exhausted"]
_MARKS: tuple[tuple[int, Severity], ...] = ((75, "warning"), (90, "critical"), (95, "final"))


@dataclass(frozen=True, slots=True)
class BudgetLimits:
    """What one conversation may spend; None is without limit.

    ``messages`` counts every message in it, ``hops`` is the causal depth of one, ``seconds``
    its time by the clock on the wall, ``tokens`` and ``usd`` what models cost.
    """

    tokens: int | None = 100_000
    usd: float | None = None
    messages: int = 10_000
    hops: int = 50
    seconds: float | None = None


class Reservation:
    """Tokens and money set aside until it is known what was really spent; settled once."""

    __slots__ = ("_budget", "_holder", "_open", "journal", "tokens", "usd")

    def __init__(self, budget: Budget, tokens: int, usd: float, holder: object) -> None:
        self._budget = budget
        self._holder = holder
        self._open = True
        self.journal: Journal | None = None
        self.tokens = tokens
        self.usd = usd

    async def written(self) -> None:
        """Wait until a restart would know of it: whoever spends only then is never forgotten.

        What is set aside when a process dies counts as spent.
        """
        if self.journal is not None:
            await self.journal.written()

    def settle(self, tokens: int = 0, usd: float = 0.0) -> None:
        """Give back what was set aside and count what was spent; negative amounts count as 0."""
        if self._open:
            self._open = False
            in_time = self._budget.give_back(self, self._holder)
            self._budget.spend(max(0, tokens), max(0.0, usd))
            if self.journal is not None and not in_time:
                self.journal.spent(self._budget.conversation)  # Its delivery was settled before.

    def release(self) -> None:
        """Give back what was set aside: nothing was spent."""
        self.settle()


class Budget:
    """What one conversation has spent and set aside, and for whom."""

    __slots__ = (
        "_held",
        "_limits",
        "_on_mark",
        "_told",
        "conversation",
        "requests",
        "reserved_tokens",
        "reserved_usd",
        "spent_tokens",
        "spent_usd",
    )

    def __init__(
        self,
        conversation: Conversation,
        limits: BudgetLimits,
        on_mark: Callable[[Budget, Severity], None],
    ) -> None:
        self.conversation = conversation
        self.reserved_tokens = self.spent_tokens = self.requests = 0
        self.reserved_usd = self.spent_usd = 0.0
        self._held: dict[object, set[Reservation]] = {}
        self._limits = limits
        self._on_mark = on_mark
        self._told = 0

    @property
    def max_tokens(self) -> int | None:
        """Return the tokens it may spend in all, None without limit."""
        return self._limits.tokens

    @property
    def tokens_left(self) -> int | None:
        """Return the tokens neither spent nor set aside, None without limit."""
        if self._limits.tokens is None:
            return None
        return max(0, self._limits.tokens - self.spent_tokens - self.reserved_tokens)

    def reserve(self, tokens: int = 0, usd: float = 0.0, holder: object = None) -> Reservation:
        """Set tokens and money aside; BudgetExhausted where they are not there.

        They are given back when the reservation is settled, or its ``holder`` has finished.
        """
        tokens, usd = max(0, tokens), max(0.0, usd)
        left = self.tokens_left
        if left is not None and (left == 0 or tokens > left):
            self._on_mark(self, "exhausted")
            raise BudgetExhausted(
                f"{tokens} tokens asked for, {left} left of {self._limits.tokens}", code="budget"
            )
        cap = self._limits.usd
        if cap is not None and self.spent_usd + self.reserved_usd + usd > cap:
            self._on_mark(self, "exhausted")
            raise BudgetExhausted(f"{usd} USD asked for; the limit is {cap}", code="budget")
        self.reserved_tokens += tokens
        self.reserved_usd += usd
        reservation = Reservation(self, tokens, usd, holder)
        self._held.setdefault(holder, set()).add(reservation)
        return reservation

    def finished(self, holder: object) -> None:
        """Give back all that a holder still has; what it has spent may be said later even so."""
        for reservation in tuple(self._held.get(holder, ())):
            self.give_back(reservation, holder)

    def give_back(self, reservation: Reservation, holder: object) -> bool:
        """Make what was set aside free again; once. Returns whether it was set aside until now."""
        held = self._held.get(holder, set())
        if reservation not in held:
            return False
        held.remove(reservation)
        self.reserved_tokens -= reservation.tokens
        self.reserved_usd -= reservation.usd
        if not held:
            del self._held[holder]
        if not self._held:
            self.reserved_usd = 0.0  # Sums of fractions leave crumbs.
        return True

    def spend(self, tokens: int, usd: float) -> None:
        """Count what was spent."""
        self.spent_tokens += tokens
        self.spent_usd += usd
        self.requests += 1
        if self._limits.tokens:
            self._tell_marks(100 * self.spent_tokens // self._limits.tokens)

    def restore(self, tokens: int, usd: float, requests: int) -> None:
        """Count what was spent before this process; marks that were passed were told then."""
        self.spent_tokens, self.spent_usd, self.requests = tokens, usd, requests
        self._told = max((mark for mark, _ in _MARKS if mark <= self.percent_used), default=0)

    @property
    def percent_used(self) -> int:
        """Return the tokens spent, in whole per cent of what it may spend."""
        return 100 * self.spent_tokens // self._limits.tokens if self._limits.tokens else 0

    def _tell_marks(self, percent: int) -> None:
        for mark, severity in _MARKS:
            if self._told < mark <= percent:
                self._told = mark
                self._on_mark(self, severity)


class Purse:
    """The budget of a conversation in the hands of one delivery's handler."""

    __slots__ = ("_budget", "_delivery", "_journal")

    def __init__(self, budget: Budget, delivery: Delivered, journal: Journal | None) -> None:
        self._budget = budget
        self._delivery = delivery
        self._journal = journal

    @property
    def max_tokens(self) -> int | None:
        """Return the tokens the conversation may spend in all, None without limit."""
        return self._budget.max_tokens

    @property
    def tokens_left(self) -> int | None:
        """Return the tokens neither spent nor set aside, None without limit."""
        return self._budget.tokens_left

    def reserve(self, tokens: int = 0, usd: float = 0.0) -> Reservation:
        """Set tokens and money aside, until they are settled or the delivery is.

        Raises BudgetExhausted where they are not there, or the delivery is settled already:
        a handler that outlives its timeout or its thread gets no more.
        """
        if self._delivery.thread.current is not self._delivery:
            raise BudgetExhausted("this delivery is settled: it may spend no more", code="budget")
        reservation = self._budget.reserve(tokens, usd, self._delivery)
        reservation.journal = self._journal
        if self._journal is not None:
            self._journal.spent(self._delivery.conversation)
        return reservation


class Budgets:
    """Makes the budget of a conversation when it is first asked for.

    Most conversations never meet a model; theirs costs nothing. ``limits`` may be replaced
    while running: conversations that have begun to spend keep theirs. ``journal`` is None where
    nothing is written down.
    """

    __slots__ = ("_on_mark", "journal", "limits")

    def __init__(self, limits: BudgetLimits, on_mark: Callable[[Budget, Severity], None]) -> None:
        self.journal: Journal | None = None
        self.limits = limits
        self._on_mark = on_mark

    def of(self, conversation: Conversation) -> Budget:
        """Return the conversation's budget."""
        budget = conversation.budget
        if budget is None:
            budget = conversation.budget = Budget(conversation, self.limits, self._on_mark)
        return budget  # type: ignore[no-any-return]  # thread.py holds it without knowing it
