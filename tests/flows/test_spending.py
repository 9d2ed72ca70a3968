"""R22: however many spend at once, and however they end, a budget holds and its books balance."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import Any

import pytest

from tests.flows.payloads import Result, Task
from xml_pipeline.errors import BudgetExhausted
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.registries.budgets import Budget
from xml_pipeline.system import SystemError, ThreadEnded
from xml_pipeline.testing import memory_organism, respond

TOTAL, SPENDERS = 2_000, 100
ENDS = ("settle", "release", "forget", "crash", "hang", "be killed", "say nothing")


class Bank:
    """A boss that has a hundred others spend at once, and what they really spent."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.spent = 0
        self.refused = 0
        self.condemned: set[str] = set()
        self.ends = Counter[str]()
        self.budget: Budget | None = None
        self.organism: Organism = memory_organism(
            Listener(
                "boss",
                (Task, Result, SystemError, ThreadEnded),
                self.command,
                description="Has others spend.",
                peers=("spender",),
            ),
            Listener("spender", Task, self.spend, description="Spends.", timeout=60),
            budget={"tokens": TOTAL},
            max_concurrent_handlers=200,
        )

    async def command(self, payload: Any, metadata: HandlerMetadata) -> Any:
        """Send everybody off, and answer when something has come of all of them."""
        if isinstance(payload, Task):
            metadata.state["left"] = SPENDERS
            return [HandlerResponse(Task(str(n)), to="spender") for n in range(SPENDERS)]
        metadata.state["left"] -= 1
        self.check()
        return respond(Result("all")) if not metadata.state["left"] else None

    async def spend(self, task: Task, metadata: HandlerMetadata) -> Any:
        """Reserve some, spend some of it in two steps, and end in one of many ways."""
        random = Random(f"{self.seed} {task.text}")
        end, tokens = random.choice(ENDS), random.randint(1, 80)
        try:
            held = metadata.budget.reserve(tokens=tokens)
        except BudgetExhausted:
            self.refused += 1
            raise
        self.ends[end] += 1
        self.check()
        await asyncio.sleep(random.random())
        if end in ("hang", "be killed"):
            await self.hang(metadata, end)
        if end == "settle":
            used = random.randint(0, tokens)
            held.settle(tokens=used)
            self.spent += used
        elif end == "release":
            held.release()
        elif end == "crash":
            raise RuntimeError
        self.check()
        return respond(Result("done")) if end != "say nothing" else None

    async def hang(self, metadata: HandlerMetadata, end: str) -> None:
        """Wait until it is killed, or else out of time."""
        if end == "be killed":
            self.condemned.add(metadata.thread_id)
        await asyncio.Event().wait()

    def check(self) -> None:
        """Compare the books: reserved + spent + free is the total, and what was really spent."""
        if self.budget is None:
            [self.budget] = {each.conversation.budget for each in self.organism.kernel.threads}
        budget = self.budget
        assert budget.reserved_tokens >= 0
        assert budget.spent_tokens == self.spent
        assert budget.reserved_tokens + budget.spent_tokens + (budget.tokens_left or 0) == TOTAL


@pytest.mark.virtual_clock
@pytest.mark.parametrize("seed", range(5))
async def test_a_hundred_spend_at_once_and_the_books_balance_however_they_end(seed: int) -> None:
    bank = Bank(seed)
    async with bank.organism as organism:
        asked = asyncio.create_task(organism.ask("boss", Task("go")))
        await asyncio.sleep(30)
        for thread in bank.condemned:
            organism.kill(thread)
        assert await asked == Result("all")
    assert set(bank.ends) == set(ENDS)
    assert bank.refused + bank.ends.total() == SPENDERS
    assert bank.refused
    assert bank.budget is not None
    assert bank.budget.reserved_tokens == 0
    assert bank.budget.tokens_left == TOTAL - bank.spent
