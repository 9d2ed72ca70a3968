"""Budgets: reserved + spent + free = total, whoever spends at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.flows.payloads import Number, Result, Task
from xml_pipeline.errors import BudgetExhausted
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener, Reserved, Spending
from xml_pipeline.registries.budgets import Budget, BudgetLimits, Budgets, Reservation, Severity
from xml_pipeline.system import SystemError, ThreadEnded
from xml_pipeline.testing import memory_organism, respond
from xml_pipeline.thread import Conversation


def budget(
    tokens: int | None = 100, usd: float | None = None, told: list[Severity] | None = None
) -> Budget:
    limits = BudgetLimits(tokens=tokens, usd=usd)
    home = Conversation(1, "c1", "outside", "")
    return Budget(
        home, limits, lambda _, severity: (told if told is not None else []).append(severity)
    )


def test_what_is_reserved_is_not_free_until_it_is_settled() -> None:
    purse = budget(tokens=100)
    first = purse.reserve(tokens=60)
    assert purse.tokens_left == 40
    with pytest.raises(BudgetExhausted) as caught:
        purse.reserve(tokens=41)
    assert caught.value.code == "budget"
    first.settle(tokens=10)
    assert (purse.tokens_left, purse.spent_tokens, purse.reserved_tokens) == (90, 10, 0)


def test_a_reservation_is_settled_once() -> None:
    purse = budget()
    reservation = purse.reserve(tokens=50)
    reservation.settle(tokens=20)
    reservation.settle(tokens=20)
    reservation.release()
    assert (purse.spent_tokens, purse.reserved_tokens, purse.requests) == (20, 0, 1)


def test_what_is_released_is_free_again() -> None:
    purse = budget(tokens=100, usd=1.0)
    purse.reserve(tokens=100, usd=1.0).release()
    purse.reserve(tokens=100, usd=1.0)
    assert purse.spent_tokens == 0


def test_negative_amounts_count_as_nothing() -> None:
    purse = budget()
    purse.reserve(tokens=-50, usd=-1.0).settle(tokens=-50, usd=-1.0)
    assert (purse.spent_tokens, purse.reserved_tokens, purse.spent_usd) == (0, 0, 0.0)


def test_a_spent_budget_refuses_even_a_request_for_nothing() -> None:
    purse = budget(tokens=10)
    purse.reserve(tokens=10).settle(tokens=12)  # A model may write more than was estimated.
    assert (purse.tokens_left, purse.percent_used) == (0, 120)
    with pytest.raises(BudgetExhausted):
        purse.reserve()


def test_money_is_limited_as_tokens_are() -> None:
    purse = budget(tokens=None, usd=1.0)
    purse.reserve(tokens=10**9, usd=0.75).settle(usd=0.5)
    with pytest.raises(BudgetExhausted):
        purse.reserve(usd=0.75)
    assert purse.reserve(usd=0.5).usd == 0.5


def test_a_budget_without_limits_has_nothing_left_to_tell() -> None:
    purse = budget(tokens=None)
    purse.reserve(tokens=10**12).settle(tokens=10**12)
    assert (purse.tokens_left, purse.max_tokens, purse.percent_used) == (None, None, 0)


def test_each_mark_is_told_once_and_exhaustion_each_time() -> None:
    told: list[Severity] = []
    purse = budget(tokens=100, told=told)
    for spent in (74, 1, 1, 20, 1):
        purse.reserve(tokens=spent).settle(tokens=spent)
    for _ in range(2):
        with pytest.raises(BudgetExhausted):
            purse.reserve(tokens=50)
    assert told == ["warning", "critical", "final", "exhausted", "exhausted"]


def test_a_mark_that_was_passed_before_a_restart_is_not_told_again() -> None:
    told: list[Severity] = []
    purse = budget(tokens=100, told=told)
    purse.restore(80, 0.5, 3)
    assert (purse.spent_tokens, purse.spent_usd, purse.requests) == (80, 0.5, 3)
    for spent in (1, 9):
        purse.reserve(tokens=spent).settle(tokens=spent)
    assert told == ["critical"]


def test_a_conversation_that_has_begun_to_spend_keeps_its_limits() -> None:
    budgets = Budgets(BudgetLimits(tokens=10), lambda *_: None)
    old, new = Conversation(1, "c1", "o", ""), Conversation(2, "c2", "o", "")
    assert budgets.of(old).max_tokens == 10
    budgets.limits = BudgetLimits(tokens=20)
    assert (budgets.of(old).max_tokens, budgets.of(new).max_tokens) == (10, 20)
    assert budgets.of(old) is budgets.of(old)


class Spenders(RuleBasedStateMachine):
    """Many who reserve, settle and release in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.purse = budget(tokens=1_000)
        self.open: list[Reservation] = []
        self.spent = 0

    @rule(tokens=st.integers(0, 400))
    def reserve(self, tokens: int) -> None:
        left = self.purse.tokens_left
        assert left is not None
        if tokens <= left and left:
            self.open.append(self.purse.reserve(tokens=tokens))
        else:
            with pytest.raises(BudgetExhausted):
                self.purse.reserve(tokens=tokens)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        reservation = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        spent = data.draw(st.integers(0, reservation.tokens))
        reservation.settle(tokens=spent)
        self.spent += spent

    @invariant()
    def the_books_balance(self) -> None:
        reserved = sum(each.tokens for each in self.open)
        assert (self.purse.spent_tokens, self.purse.reserved_tokens) == (self.spent, reserved)
        assert self.purse.tokens_left == 1_000 - self.spent - reserved


TestSpending = Spenders.TestCase


@given(st.lists(st.integers(0, 60), max_size=20))
def test_it_is_never_overdrawn_by_those_who_spend_what_they_reserved(amounts: list[int]) -> None:
    purse = budget(tokens=100)
    for amount in amounts:
        try:
            purse.reserve(tokens=amount).settle(tokens=amount)
        except BudgetExhausted:
            continue
    assert purse.spent_tokens <= 100


@pytest.mark.virtual_clock
async def test_a_conversation_shares_one_budget_whatever_its_branches_say() -> None:
    """Two hundred spend at once; silence of one branch erases nothing."""
    spent: list[int] = []

    async def spend(number: Number, metadata: HandlerMetadata) -> Any:
        reservation = metadata.budget.reserve(tokens=10)
        await asyncio.sleep(1)
        reservation.settle(tokens=10)
        spent.append(10)
        return None if number.n % 2 else HandlerResponse.respond(Result(""))

    async def boss(payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            return [HandlerResponse(Number(n), to="spender") for n in range(200)]
        return None

    listeners = (
        Listener("boss", (Task, Result), boss, description="Spends.", peers=("spender",)),
        Listener("spender", Number, spend, description="Spends 10."),
    )
    async with memory_organism(*listeners, budget={"tokens": 1_000}) as organism:
        with pytest.raises(BudgetExhausted) as caught:
            await organism.ask("boss", Task("x"))
        assert caught.value.code == "budget"
        await organism.drain()
    assert sum(spent) <= 1_000


# ── A handler that holds a reservation ──────────────────────────────────────────────────


RAISED: Mapping[str, type[BaseException]] = {
    "crash": RuntimeError,
    "exit": SystemExit,
    "cancel itself": asyncio.CancelledError,
}
ANSWERS: Mapping[str, object] = {
    "say nonsense": "nonsense",
    "answer what nobody can write": respond(object()),
    "answer later": HandlerResponse.defer(within=50),
}


class Holder:
    """A listener whose handler reserves 60 of 100 tokens and then does as it is told."""

    def __init__(self) -> None:
        self.budget: Budget | None = None
        self.purse: Spending | None = None
        self.held: Reserved | None = None
        self.begun = asyncio.Event()
        self.listener = Listener("holder", Task, self.work, description="Holds.", timeout=5)

    async def work(self, task: Task, metadata: HandlerMetadata) -> Any:
        self.purse = metadata.budget
        self.held = self.purse.reserve(tokens=60, usd=0.5)
        self.begun.set()
        if error := RAISED.get(task.text):
            raise error
        try:
            if task.text in ("hang", "hang and settle"):
                await asyncio.Event().wait()
        finally:
            if task.text == "hang and settle":
                self.held.settle(tokens=7)
        return ANSWERS.get(task.text, respond(Result("done")))


def books(organism: Any) -> tuple[int, float, int, int | None]:
    """Return what the only conversation has reserved, spent, and has left."""
    (conversation,) = {each.conversation for each in organism.kernel.threads}
    purse = organism.kernel.budgets.of(conversation)
    return purse.reserved_tokens, purse.reserved_usd, purse.spent_tokens, purse.tokens_left


def entrance(to: str = "holder") -> Listener:
    """Return a listener that keeps the conversation open whatever becomes of the holder."""

    async def enter(payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            return HandlerResponse(payload, to=to)
        return HandlerResponse.defer(within=1_000)

    accepts = (Task, Result, SystemError, ThreadEnded)
    return Listener("entrance", accepts, enter, description="Waits on.", peers=(to,))


@pytest.mark.virtual_clock
@pytest.mark.parametrize("what", [*RAISED, *ANSWERS, "hang", "answer"])
async def test_a_handler_that_has_finished_holds_nothing_of_the_budget(what: str) -> None:
    holder = Holder()
    async with memory_organism(holder.listener, entrance(), budget={"tokens": 100}) as organism:
        await organism.send("entrance", Task(what))
        await organism.drain()
        assert holder.held is not None
        assert books(organism) == (0, 0.0, 0, 100)


@pytest.mark.virtual_clock
async def test_a_killed_handler_gives_back_what_it_had_reserved_at_once() -> None:
    holder = Holder()
    async with memory_organism(holder.listener, entrance(), budget={"tokens": 100}) as organism:
        await organism.send("entrance", Task("hang"))
        await holder.begun.wait()
        assert books(organism) == (60, 0.5, 0, 40)
        (thread,) = (each for each in organism.kernel.threads if each.callee == "holder")
        organism.kill(thread.id)
        assert books(organism) == (0, 0.0, 0, 100)


@pytest.mark.virtual_clock
async def test_what_a_stopped_handler_has_spent_is_counted_though_it_says_so_late() -> None:
    holder = Holder()
    async with memory_organism(holder.listener, entrance(), budget={"tokens": 100}) as organism:
        await organism.send("entrance", Task("hang and settle"))
        await organism.drain()
        assert books(organism) == (0, 0.0, 7, 93)


@pytest.mark.virtual_clock
async def test_a_handler_that_outlives_its_delivery_can_reserve_no_more() -> None:
    holder = Holder()
    async with memory_organism(holder.listener, entrance(), budget={"tokens": 100}) as organism:
        await organism.send("entrance", Task("answer"))
        await organism.drain()
        assert holder.purse is not None
        with pytest.raises(BudgetExhausted):
            holder.purse.reserve(tokens=1)
        assert books(organism) == (0, 0.0, 0, 100)
