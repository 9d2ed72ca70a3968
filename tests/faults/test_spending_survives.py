"""R22, across crashes: a budget is never exceeded, and what was spent is never forgotten."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random

import pytest

from tests.cases import measured_once
from tests.faults.books import lines
from tests.faults.dying import Died, Dying
from tests.flows.payloads import Result, Task
from tests.virtual_clock import VirtualClockLoop
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.config import OrganismConfig
from xml_pipeline.errors import BudgetExhausted
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.system import SystemError
from xml_pipeline.testing import respond

pytestmark = pytest.mark.virtual_clock

TOKENS = 2_000
SPENDERS = 100


class Spree:
    """A hundred spend from one budget at once, while their process dies now and then.

    ``spent`` is what was spent in truth, whoever remembers it.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self.spent = 0

    async def host(self, payload: Task | SystemError, metadata: HandlerMetadata) -> object:
        if isinstance(payload, SystemError) or metadata.in_reply_to:
            return None
        return [HandlerResponse(Task(str(n)), to="spender") for n in range(SPENDERS)]

    async def spender(self, payload: Task, metadata: HandlerMetadata) -> HandlerResponse:
        asked = self._random.randint(10, 60)
        try:
            reserved = metadata.budget.reserve(asked)
        except BudgetExhausted:
            return respond(Result("nothing left"))
        await reserved.written()
        await asyncio.sleep(self._random.choice((0.0, 0.1, 1.0)))
        used = self._random.randint(0, asked)
        self.spent += used
        reserved.settle(used)
        return respond(Result("spent"))

    def listeners(self) -> list[Listener]:
        host = Listener(
            "host", (Task, Result, SystemError), self._host, description="d", peers=("spender",)
        )
        return [host, Listener("spender", Task, self.spender, description="d", max_deliveries=99)]

    async def _host(self, payload: object, metadata: HandlerMetadata) -> HandlerResponse | None:
        answer = await self.host(payload, metadata)  # type: ignore[arg-type]
        return answer  # type: ignore[return-value]

    async def live(self, backend: Dying, *, begin: bool) -> None:
        config = OrganismConfig.model_validate({"budget": {"tokens": TOKENS}})
        organism = Organism(self.listeners(), config=config, backend=backend)
        with suppress(Died, ExceptionGroup):
            async with organism:
                if begin:
                    await organism.send("host", Task("go"))
                ended = asyncio.ensure_future(organism.ended())
                draining = asyncio.ensure_future(organism.drain())
                await asyncio.wait({ended, draining}, return_when=asyncio.FIRST_COMPLETED)
                ended.cancel()
                await asyncio.gather(ended, draining, return_exceptions=True)


async def _balances(store: MemoryBackend) -> list[tuple[int, int]]:
    (summary,) = await store.conversations(2)
    past = await store.conversation(summary.id)
    assert past is not None
    noted = [
        fields
        for _, records in past.entries
        for letter, fields, _ in lines(records)
        if letter == "b"
    ]
    return [(int(spent), int(reserved)) for spent, _, _, reserved, _ in noted]


async def spree(seed: int) -> list[str]:
    """Spend, die and go on spending; return what is wrong with the balances."""
    them, store, random = Spree(seed), MemoryBackend(), Random(seed)
    begin = True
    for _ in range(random.randint(1, 6)):
        await them.live(Dying(store, random.randint(2, 12), written=True), begin=begin)
        begin = False
    await them.live(Dying(store), begin=False)
    balances = await _balances(store)
    spent = [each for each, _ in balances]
    checks = {
        "over its limit": all(sum(each) <= TOKENS for each in balances),
        "spent less than before": spent == sorted(spent),
        "still set aside": balances[-1][1] == 0,
        "forgot what was spent": spent[-1] >= them.spent,
        "not ended": [each async for each in store.unfinished()] == [],
    }
    return [wrong for wrong, is_right in checks.items() if not is_right]


@pytest.mark.parametrize("seed", measured_once(range(20)))
def test_a_hundred_spend_at_once_and_die_and_the_budget_holds(seed: int) -> None:
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        assert runner.run(spree(seed)) == []
