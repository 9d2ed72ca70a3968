"""Random organisms in random storms: whatever happens, the books of the threads balance."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.flows.mutations import envelope, mutated
from tests.flows.payloads import Result, Task
from tests.flows.storms import SOME, Storm, assert_books_balance
from tests.virtual_clock import VirtualClockLoop
from xml_pipeline.errors import XmlPipelineError
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.organism import Organism
from xml_pipeline.thread import Thread

# Each storm runs on a loop of its own, of that kind; hundreds of them are load.
pytestmark = [pytest.mark.virtual_clock, pytest.mark.no_cover]


@settings(max_examples=300)
@given(
    seed=st.integers(0, 2**32),
    size=st.integers(1, 5),
    concurrent=st.sampled_from((1, 2, 20)),
    scheduling=st.sampled_from(("breadth-first", "depth-first")),
    hooked=st.booleans(),
)
def test_every_invariant_of_threads_holds_in_any_storm(
    seed: int, size: int, concurrent: int, scheduling: str, hooked: bool
) -> None:
    assert_balance_after(
        Storm(Random(seed), [f"l{n}" for n in range(size)]), concurrent, scheduling, hooked
    )


def assert_balance_after(storm: Storm, concurrent: int, scheduling: str, hooked: bool) -> None:
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        runner.run(
            asyncio.wait_for(assert_books_balance(storm, concurrent, scheduling, hooked), 100_000)
        )


class MeanStorm(Storm):
    """One in which handlers misbehave, and outsiders send bytes, go on talking, and give up."""

    async def _act(self, metadata: HandlerMetadata) -> Any:
        pick = self.random
        task: Any = asyncio.current_task()
        what = pick.randrange(40)
        if what < 6:
            return pick.choice(NONSENSE)
        if what == 6:
            raise pick.choice((SystemExit(), asyncio.CancelledError()))
        if what == 7:
            task.cancel()
            return None
        if what == 8:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(20)
            await asyncio.sleep(pick.choice((0, 3)))
        return await super()._act(metadata)

    async def ask(self, organism: Organism) -> str:
        """Ask as others do, or by bytes, or without the patience to wait."""
        way = self.random.randrange(3)
        if way == 0:
            return await super().ask(organism)
        if way == 1:
            return await self._talk(organism)
        asking = asyncio.create_task(organism.ask(self.names[0], self.random.choice(SOME)))
        await asyncio.sleep(self.random.choice((0, 0.01, 1)))
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        return "gave up"

    async def _talk(self, organism: Organism) -> str:
        """Send envelopes, some of them broken, on one conversation; each is answered."""
        pick, said, thread = self.random, 0, None
        while said == 0 or (thread is not None and thread.open and said < 4):
            raw = self._written(thread)
            thread = organism.accept(raw, "outside")
            answer = organism.waiter(thread)
            await asyncio.wait([answer], timeout=5_000)
            if not answer.done():
                self.faults.append("nobody answered somebody outside")
                answer.cancel()
            elif not answer.cancelled():
                answer.exception()
            await asyncio.sleep(pick.choice((0, 0.1, 1)))
            said += 1
        return "talked"

    def _written(self, thread: Thread | None) -> bytes:
        pick = self.random
        to = pick.choice((*self.names, "crowd", "nobody", None))
        raw = envelope(to, pick.choice(WRITTEN), thread.id if thread is not None else "t")
        return mutated(pick, raw) if pick.random() < 0.3 else raw

    async def meddle(self, organism: Organism) -> None:
        """Do as others do, while listeners come and go."""
        pick = self.random
        for _ in range(pick.randint(0, 3)):
            await asyncio.sleep(pick.choice((0.1, 1.0)))
            with suppress(XmlPipelineError):
                gone = organism.unregister(pick.choice(self.names))
                await asyncio.sleep(pick.choice((0, 0.5, 2)))
                organism.register(gone)
        await super().meddle(organism)


TASK, NOTE = Task("t"), b"<Note><text>b</text></Note>"
WRITTEN = (
    "<Task xmlns=''><text>t</text></Task>",
    "<Bad xmlns=''/>",
    "<Number xmlns=''><n>1</n></Number>",
)
NONSENSE: tuple[Any, ...] = (
    *(b"", b"no XML", b"<Task><text>cut", NOTE, NOTE * 3, "a string", 7),
    *(HandlerResponse.respond(each) for each in (NOTE, NOTE * 2, b"", 5, None, Task("\0"))),
    [HandlerResponse(TASK, to=5), HandlerResponse.respond(TASK)],  # type: ignore[arg-type]
    [HandlerResponse.respond(Result("r")), HandlerResponse(TASK, to="l0")],
    [HandlerResponse.acknowledge(Result("r")), HandlerResponse(TASK, to="l0")],
    [HandlerResponse.acknowledge(Task("\0")), HandlerResponse.defer(within=1)],
)


@settings(max_examples=300)
@given(
    seed=st.integers(0, 2**32),
    size=st.integers(1, 5),
    concurrent=st.sampled_from((1, 2, 20)),
    scheduling=st.sampled_from(("breadth-first", "depth-first")),
    hooked=st.booleans(),
)
def test_every_invariant_of_threads_holds_though_everybody_misbehaves(
    seed: int, size: int, concurrent: int, scheduling: str, hooked: bool
) -> None:
    assert_balance_after(
        MeanStorm(Random(seed), [f"l{n}" for n in range(size)]), concurrent, scheduling, hooked
    )
