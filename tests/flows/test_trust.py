"""Who says what to whom is decided by the pump: nothing that is written can change it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from itertools import product
from random import Random
from typing import Any

import pytest

from tests.flows.mutations import NAMESPACE, TASK, envelope
from tests.flows.payloads import Result, Task
from tests.flows.watching import Watch, settled
from xml_pipeline.errors import Unanswered, XmlPipelineError
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.organism import Organism
from xml_pipeline.payload import RawPayload, codec_of
from xml_pipeline.system import (
    SYSTEM_PAYLOADS,
    ApprovalDecision,
    Boot,
    Huh,
    SystemError,
    ThreadEnded,
)
from xml_pipeline.testing import Probe, memory_organism, respond

META = "https://xml-pipeline.org/ns/meta/v1"

# ── S1: what the pump stamps, nobody can write ──────────────────────────────────────────

FORGED_SENDERS = (
    "<from>worker</from>",
    "<from>system</from>",
    "<from>system.boot</from>",
    "<from>victim</from>",
    "<from>SYSTEM</from>",
    "<from> system </from>",
    "<from></from>",
    "<from/>",
    "<from>\u0455ystem</from>",  # a Cyrillic letter that looks like an s
    "<from>sys\u200btem</from>",
    "<from>\u202emetsys</from>",
    "<from>system\u0000</from>",
    "<from>&#115;ystem</from>",
    "<from><![CDATA[system]]></from>",
    "<from>sys<![CDATA[tem]]></from>",
    "<from>system<!-- -->.evil</from>",
    "<from>mallory<!-- -->.system</from>",
    "<from>system<?x?>.evil</from>",
    "<from>mallory</from><from>system</from>",
    "<from>system</from><from>mallory</from>",
    "<from xmlns=''>system</from>",
    "<from xmlns='urn:other'>system</from><from>mallory</from>",
    "<from id='mallory'>system</from>",
    "<from><from>system</from></from>",
    "<from>mallory</from><m:from xmlns:m='urn:x'>system</m:from>",
)
FORGED_STAMPS = (
    "",
    f"<hops xmlns='{META}'>-40</hops>",
    f"<tenant xmlns='{META}'>victims</tenant>",
    f"<attempt xmlns='{META}'>9</attempt><deadline xmlns='{META}'>2999-01-01T00:00:00Z</deadline>",
    f"<m:id xmlns:m='{META}'>c.1</m:id><m:in-reply-to xmlns:m='{META}'>c.1</m:in-reply-to>",
)
FORGED_THREADS = ("t", "{stolen}", "{below}", "{closed}")
FORGED_PAYLOADS = (
    TASK,
    '<SystemError xmlns=""><code>routing</code><message>m</message>'
    "<retry_allowed>true</retry_allowed><id>1</id></SystemError>",
)


def forgeries(threads: dict[str, str]) -> Iterator[tuple[bytes, str]]:
    """Yield a thousand envelopes that each claim something false, and the stamps they bear."""
    every = product(FORGED_SENDERS, FORGED_STAMPS, FORGED_THREADS, FORGED_PAYLOADS)
    for sender, stamps, thread, payload in every:
        yield (
            (
                f'<message xmlns="{NAMESPACE}"><meta>{sender}<to>worker</to>'
                f"<thread>{thread.format(**threads)}</thread>{stamps}</meta>{payload}</message>"
            ).encode(),
            stamps,
        )


async def victims_threads(organism: Organism, boss: Probe, worker: Probe) -> dict[str, str]:
    """Return threads of another principal: one that is open, one below it, and one closed."""
    closed = await organism.send("worker", Task("finish"), sender="victim", tenant="victims")
    await worker.next()
    stolen = await organism.send("boss", Task("wait"), sender="victim", tenant="victims")
    below = (await worker.next()).metadata.thread_id
    await organism.drain()
    assert organism.kernel.threads.find(below) is not None
    assert organism.kernel.threads.find(closed) is None
    return {"stolen": stolen, "below": below, "closed": closed}


def cast() -> tuple[Probe, Probe]:
    """Return a boss that lets a worker wait, and the worker."""

    def work(payload: Any, _: HandlerMetadata) -> Any:
        if payload == Task("wait"):
            return HandlerResponse.defer(within=10_000)
        return respond(Result("done"))

    boss = Probe(
        "boss", Task, lambda task, _: HandlerResponse(task, to="worker"), peers=("worker",)
    )
    return boss, Probe("worker", (Task, SystemError), work)


@pytest.mark.virtual_clock
async def test_of_a_thousand_forged_envelopes_none_is_accepted_as_written() -> None:
    """S1: whatever they claim, mallory sent them, in a conversation of mallory's own."""
    boss, worker = cast()
    async with memory_organism(boss, worker) as organism:
        threads = await victims_threads(organism, boss, worker)
        before, watch = len(worker.seen), Watch(organism)
        stamped: dict[str, str] = {}
        for raw, stamps in forgeries(threads):
            stamped[organism.accept(raw, "mallory", "crooks").id] = stamps
        await settled(organism)
        assert len(stamped) == 1_000
        assert not stamped.keys() & set(threads.values())
        accepted = worker.seen[before:]
        for payload, metadata in accepted:
            assert (metadata.from_id, metadata.tenant) == ("mallory", "crooks")
            assert (metadata.hops, metadata.attempt, metadata.in_reply_to) == (0, 1, None)
            assert metadata.thread_id in stamped
            assert payload == Task("x")
        outcomes = [each.thread_id for each in watch.faults] + [
            each.metadata.thread_id for each in accepted
        ]
        assert sorted(outcomes) == sorted(stamped)
        assert 0 < len(accepted) < 500
        for each in watch.sent:
            if each.to_id == "worker":
                assert any("it said it came from" in note for note in each.notes)
                assert bool(stamped[each.thread_id]) == any(
                    "its own" in note for note in each.notes
                )
        assert {
            organism.kernel.threads.find(threads[each]) is None for each in ("stolen", "below")
        } == {False}


@pytest.mark.parametrize(
    "name", ["system", "system.evil", "worker", "", "a b", "\u0455ystem", "x" * 201]
)
async def test_nobody_outside_may_have_the_name_of_somebody_inside(name: str) -> None:
    async with memory_organism(*cast()) as organism:
        with pytest.raises(ValueError, match=r"sender's name|nobody outside"):
            await organism.send("worker", Task("x"), sender=name)
        with pytest.raises(ValueError, match=r"sender's name|nobody outside"):
            organism.accept(envelope("worker"), name)
        assert len(organism.kernel.threads) == 0


@pytest.mark.parametrize("name", ["system", "outside"])
def test_nobody_inside_may_have_the_name_of_the_pump_or_of_the_outside(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        memory_organism(Probe(name, Task))


@pytest.mark.virtual_clock
@pytest.mark.parametrize("payload", SYSTEM_PAYLOADS, ids=lambda each: each.__name__)
async def test_only_the_pump_says_what_the_pump_says(payload: Any) -> None:
    """A handler cannot send a system payload, as an object or as text, to say or to answer."""
    example = {
        Boot: Boot("o", "2025-01-01T00:00:00Z", 1),
        SystemError: SystemError("routing", "m", True, "1"),
        ThreadEnded: ThreadEnded("worker", "t"),
        Huh: Huh("e", b"o"),
        ApprovalDecision: ApprovalDecision(True, "mallory"),
    }[payload]
    text = codec_of(payload).to_xml(example)
    told = Probe("told", (Task, *SYSTEM_PAYLOADS))
    raw = Probe("raw", RawPayload)
    says: list[Any] = [
        HandlerResponse(each, to=to) for each in (example, text) for to in ("told", "raw", None)
    ]
    liar = Probe("liar", Task, lambda *_: says, peers=("*",))
    async with memory_organism(liar, told, raw) as organism:
        with pytest.raises(Unanswered):
            await organism.ask("liar", Task("x"))
        await settled(organism)
        with pytest.raises(XmlPipelineError):
            await organism.ask("told", example)
    assert (told.payloads, raw.payloads) == ([], [])


@pytest.mark.virtual_clock
async def test_an_envelope_that_a_handler_writes_is_only_text() -> None:
    forged = envelope("worker", sender="system")
    boss, worker = cast()
    liar = Probe("liar", Task, lambda *_: forged, peers=("*",))
    async with memory_organism(boss, worker, liar) as organism:
        with pytest.raises(Unanswered) as caught:
            await organism.ask("liar", Task("x"))
    assert caught.value.code in ("validation", "routing")
    assert worker.payloads == []


# ── S2: to know a thread is not to be allowed in it ─────────────────────────────────────


@pytest.mark.no_cover
@pytest.mark.virtual_clock
async def test_ten_thousand_stolen_guessed_and_replayed_threads_open_nothing() -> None:
    """S2: each begins a conversation of the sender's own, and none can be told from another."""
    random, (boss, worker) = Random(2), cast()
    async with memory_organism(boss, worker) as organism:
        threads = await victims_threads(organism, boss, worker)
        before = len(worker.seen)
        answers: set[tuple[Any, ...]] = set()
        for number in range(10_000):
            kind = ("guess", *threads)[number % 4]
            guess = str(uuid.UUID(int=random.getrandbits(128), version=4))
            sender, tenant = (("mallory", "victims"), ("victim", "crooks"))[number // 4 % 2]
            claimed = threads.get(kind, guess)
            thread = organism.accept(envelope("worker", thread=claimed), sender, tenant)
            assert thread.id not in (*threads.values(), guess)
            assert (thread.parent, thread.conversation.principal) == (None, sender)
            waiter = organism.waiter(thread)
            if number % 500 == 499:
                await organism.drain()
            waiter.add_done_callback(lambda done: answers.add(_shape(done)))
        await settled(organism)
        assert answers == {("worker", Result("done"), 2)}
        assert len(worker.seen) == before + 10_000
        intruders = [each.metadata for each in worker.seen[before:]]
        assert not {each.thread_id for each in intruders} & set(threads.values())
        assert {each.tenant for each in intruders} == {"crooks", "victims"}
        organism.answer(threads["below"], Result("the victim's own"))
        await settled(organism)


def _shape(answered: asyncio.Future[Any]) -> tuple[Any, ...]:
    delivery = answered.result()
    return delivery.sender, delivery.payload, delivery.id


@pytest.mark.virtual_clock
async def test_a_closed_thread_and_one_that_never_was_are_refused_in_the_same_words() -> None:
    boss, worker = cast()
    async with memory_organism(boss, worker) as organism:
        threads = await victims_threads(organism, boss, worker)
        never = str(uuid.uuid4())
        for call in (organism.kill, lambda each: organism.answer(each, Result(""))):
            words = set()
            for thread in (threads["closed"], never):
                with pytest.raises(XmlPipelineError) as caught:
                    call(thread)
                words.add(str(caught.value).replace(thread, "…"))
            assert len(words) == 1
