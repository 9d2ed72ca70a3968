"""No bytes whatever stop the pump: each document is delivered, or answered with one fault."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Annotated, Any

import pytest
from annotated_types import Ge, Le, MaxLen
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.cpu_time import CpuTime, frozen
from tests.flows.mutations import MUTATIONS, NAMESPACE, envelope, mutated
from tests.flows.payloads import Number, Result, Task
from tests.virtual_clock import VirtualClockLoop
from xml_pipeline.errors import NoReply, Unanswered
from xml_pipeline.events import Event, FaultEvent, MessageReceived
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.payload import codec_of, xmlify
from xml_pipeline.steps.envelope import envelope_schema
from xml_pipeline.steps.xml import strict_parser
from xml_pipeline.testing import Probe, memory_organism, respond
from xml_pipeline.thread import Thread


@xmlify
@dataclass(frozen=True, slots=True)
class Order:
    """Something with fields of several kinds, as real payloads are."""

    name: Annotated[str, MaxLen(40)]
    count: Annotated[int, Ge(1), Le(99)]
    price: float
    rush: bool
    notes: list[str]
    comment: str | None = None


ORDER = (
    '<Order xmlns=""><name>Ann &amp; Bob</name><count>7</count><price>1.5</price>'
    "<rush>true</rush><notes><item>one</item><item>zwölf</item></notes>"
    "<comment>none</comment></Order>"
)
PROSE = "Whoever writes to an agent writes prose, in sentences of some length. " * 6
META = '<id xmlns="https://xml-pipeline.org/ns/meta/v1">c.7</id>'


class Desk:
    """An organism whose every document from outside is followed to its end."""

    def __init__(self, organism: Organism) -> None:
        self.organism = organism
        self.faults: Counter[str] = Counter()
        self.delivered: Counter[str] = Counter()
        organism.subscribe(self._note)

    def _note(self, event: Event) -> None:
        if isinstance(event, FaultEvent):
            self.faults[event.conversation_id] += 1
        elif isinstance(event, MessageReceived) and event.from_id == "outside":
            self.delivered[event.conversation_id] += 1

    async def outcomes(self, documents: Sequence[bytes]) -> list[str]:
        """Take documents in and return what became of each: "delivered", or a fault's code."""
        followed: list[tuple[Thread, asyncio.Future[Any]]] = []
        for raw in documents:
            thread = self.organism.accept(raw, "outside")
            followed.append((thread, self.organism.waiter(thread)))
        await self.organism.drain()
        await asyncio.sleep(0)
        return [self._outcome(thread.id, waiter) for thread, waiter in followed]

    def _outcome(self, thread_id: str, waiter: asyncio.Future[Any]) -> str:
        delivered, faults = self.delivered.pop(thread_id, 0), self.faults.pop(thread_id, 0)
        assert waiter.done(), "nobody answered"
        error = waiter.exception()
        if error is None or isinstance(error, NoReply):
            assert (delivered, faults) == (1, 0)
            return "delivered"
        assert isinstance(error, Unanswered)
        assert (delivered, faults) == (0, 1), "one fault for each"
        assert error.id
        return str(error.code)


async def _answer(payload: Task | Order, _: HandlerMetadata) -> HandlerResponse:
    return respond(Result("done"))


async def _keep_silent(payload: Number, _: HandlerMetadata) -> None:
    """Take it."""


def staff() -> list[Listener]:
    """Return listeners that answer, keep silent, and keep no record of what they were given."""
    return [
        Listener("worker", (Task, Order), _answer, description="Answers."),
        Listener("number", Number, _keep_silent, description="Keeps silent."),
    ]


@contextmanager
def hushed() -> Iterator[None]:
    """Let thousands of expected faults go unlogged."""
    logger = logging.getLogger("xml_pipeline")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


# ── Any bytes ───────────────────────────────────────────────────────────────────────────

SEEDS = (
    envelope("worker"),
    envelope("worker", ORDER),
    envelope(None, "<Number xmlns=''><n>1</n></Number>"),
)

DOCUMENTS = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(max_size=60).map(lambda text: envelope(text).replace(b"<to>", b"<to >", 1)),
    st.text(max_size=60).map(lambda text: envelope("worker", text)),
    st.builds(mutated, st.randoms(use_true_random=False), st.sampled_from(SEEDS)),
    st.sampled_from(SEEDS),
).filter(lambda raw: isinstance(raw, bytes))


@pytest.mark.no_cover
@settings(max_examples=150)
@given(st.lists(DOCUMENTS, min_size=1, max_size=8))
def test_whatever_comes_is_delivered_or_answered_with_exactly_one_fault(
    documents: list[bytes],
) -> None:
    async def run() -> None:
        async with memory_organism(*staff()) as organism:
            desk = Desk(organism)
            for outcome in await desk.outcomes(documents):
                assert outcome in ("delivered", "validation", "routing")
            assert await desk.outcomes([envelope("worker")]) == ["delivered"]
            assert (len(organism.kernel.threads), organism.kernel.inbox.size) == (0, 0)

    with hushed(), asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        runner.run(asyncio.wait_for(run(), 1_000))


# ── A hundred thousand ──────────────────────────────────────────────────────────────────

SEED = 20_251_121
MANY = 100_000
BATCH = 100
LONGEST = 0.25
"""Seconds of a whole batch, so of each document in it."""


def resident_bytes() -> int:
    """Return the memory that this process holds; 0 where the system does not say."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * 4096 if statm.exists() else 0


def real_envelopes() -> tuple[bytes, ...]:
    numbers = [f'<Number xmlns=""><n>{n}</n></Number>' for n in (0, -7, 10**12)]
    return (
        envelope("worker"),
        envelope("worker", f'<Task xmlns=""><text>{PROSE}</text></Task>'),
        envelope("worker", ORDER.replace("none", PROSE)),
        envelope("worker", ORDER.replace("zwölf", "&#x5B57;&#xA0;<!-- a comment -->")),
        envelope("worker").replace(b"</thread>", f"</thread>{META}".encode()),
        b"<?xml version='1.0' encoding='UTF-8'?>\n" + envelope("number", numbers[0]),
        *(envelope(None, each) for each in numbers),
        f'<e:message xmlns:e="{NAMESPACE}"><e:meta><e:from>a</e:from><e:to>worker</e:to>'
        "<e:thread>t</e:thread></e:meta><Task><text><![CDATA[<raw>]]></text></Task></e:message>"
        "".encode(),
    )


async def shower(desk: Desk, random: Random, count: int) -> tuple[Counter[str], float]:
    """Take in so many mutants; return what became of them, and the seconds of the worst batch."""
    seeds, became, worst = real_envelopes(), Counter[str](), 0.0
    for _ in range(count // BATCH):
        batch = [mutated(random, random.choice(seeds)) for _ in range(BATCH)]
        spent = CpuTime()
        for number in spent.rounds(LONGEST):
            outcomes = await desk.outcomes(batch)
            if number == 0:
                became.update(outcomes)
        worst = max(worst, spent.least)
    return became, worst


@pytest.mark.no_cover
async def test_a_hundred_thousand_mutants_are_each_answered_or_accepted() -> None:
    """R6 at its CI size: no crash, no hang above 250 ms, memory grows by less than 50 MB."""
    random = Random(SEED)
    print(f"seed {SEED}, {len(MUTATIONS)} mutations")  # noqa: T201  # told where it fails
    with frozen(), hushed():
        async with memory_organism(*staff()) as organism:
            desk = Desk(organism)
            await shower(desk, random, 2_000)
            before = resident_bytes()
            became, worst = await shower(desk, random, MANY)
            grown = resident_bytes() - before
            assert (len(organism.kernel.threads), organism.kernel.inbox.size) == (0, 0)
    assert became.total() == MANY
    assert set(became) == {"delivered", "validation", "routing"}
    assert became["delivered"] > MANY // 50
    assert became["validation"] > MANY // 2
    assert worst < LONGEST
    assert grown < 50 * 2**20


def test_what_is_accepted_of_the_mutants_is_valid_by_the_schemas_themselves() -> None:
    """An outside check: whatever is delivered, lxml finds valid; whatever it finds so, is."""
    schema, parser = envelope_schema(), strict_parser()
    payloads: dict[str, Any] = {
        each.__name__: etree.XMLSchema(etree.fromstring(codec_of(each).xsd))
        for each in (Task, Order, Number)
    }

    def is_valid(raw: bytes) -> bool:
        root = etree.fromstring(raw, parser)
        if not schema.validate(root) or len(root) != 2:
            return False
        payload = etree.fromstring(etree.tostring(root[1], method="c14n", exclusive=True))
        return payload.tag in payloads and bool(payloads[payload.tag].validate(payload))

    async def run() -> int:
        random, seeds, accepted = Random(SEED + 1), real_envelopes(), 0
        async with memory_organism(*staff()) as organism:
            desk = Desk(organism)
            for _ in range(20):
                batch = [mutated(random, random.choice(seeds)) for _ in range(BATCH)]
                for raw, outcome in zip(batch, await desk.outcomes(batch), strict=True):
                    accepted += outcome == "delivered"
                    assert outcome != "delivered" or is_valid(raw), raw
        return accepted

    with hushed(), asyncio.Runner() as runner:
        assert runner.run(run()) > 50


# ── One bad apple ───────────────────────────────────────────────────────────────────────


def strict_task() -> type:
    @xmlify
    @dataclass(frozen=True, slots=True)
    class Task:
        """The same name, and no room for anything long."""

        text: Annotated[str, MaxLen(2)]

    return Task


@pytest.mark.virtual_clock
@pytest.mark.parametrize("order", [1, -1])
async def test_of_a_group_that_is_asked_the_one_that_cannot_read_it_fails_alone(order: int) -> None:
    async def slowly(task: Task, _: object) -> Any:
        await asyncio.sleep(5)
        return respond(Result(task.text))

    members = [Probe("a", Task, slowly, group="g"), Probe("b", strict_task(), group="g")]
    async with memory_organism(*members[::order]) as organism:
        assert await organism.ask("g", Task("a long text")) == Result("a long text")
        assert members[1].payloads == []


@pytest.mark.virtual_clock
async def test_of_a_group_that_is_asked_the_last_to_fail_speaks_for_all() -> None:
    members = [Probe(name, strict_task(), group="g") for name in ("a", "b")]
    async with memory_organism(*members) as organism:
        desk = Desk(organism)
        with pytest.raises(Unanswered) as caught:
            await organism.ask("g", Task("a long text"))
        assert caught.value.code == "validation"
        assert desk.faults.total() == 2
        assert len(organism.kernel.threads) == 0


@pytest.mark.virtual_clock
@pytest.mark.parametrize("to", ["g", "a"])
async def test_a_bad_further_message_does_not_end_the_conversation_it_is_sent_to(to: str) -> None:
    async def slowly(task: Task, _: object) -> Any:
        await asyncio.sleep(5)
        return respond(Result(task.text))

    members = [Probe(name, Task, slowly, group="g") for name in ("a", "b")]
    async with memory_organism(*members) as organism:
        thread = organism.accept(envelope(to), "outside")
        answer = organism.waiter(thread)
        await members[0].next()
        again = organism.accept(envelope(to, '<Bad xmlns=""/>', thread.id), "outside")
        assert again is thread
        with pytest.raises(Unanswered):
            await organism.waiter(thread)
        assert (await answer).payload == Result("x")
