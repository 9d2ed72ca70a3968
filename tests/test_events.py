"""What watchers are told: everything, in order, and without holding up the organism."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import Any

import pytest

from tests.flows.payloads import Result, Task
from xml_pipeline.errors import HandlerFailed, NoReply, Timeout, Undeliverable
from xml_pipeline.events import (
    AgentState,
    BudgetEvent,
    Event,
    Events,
    FaultEvent,
    MessageReceived,
    MessageSent,
    ThreadEvent,
)
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.organism import Organism
from xml_pipeline.system import SystemError
from xml_pipeline.testing import Probe, memory_organism, respond

pytestmark = pytest.mark.virtual_clock


def budget_event(percent: int = 75) -> BudgetEvent:
    return BudgetEvent("c", "warning", percent, 0, 0)


class Watcher:
    """Keeps every event it is told of."""

    def __init__(self, organism: Organism) -> None:
        self.events: list[Event] = []
        self.unsubscribe = organism.subscribe(self.events.append)

    def of(self, kind: type[Any]) -> list[Any]:
        return [each for each in self.events if isinstance(each, kind)]

    def states(self, listener: str) -> list[str]:
        return [each.state for each in self.of(AgentState) if each.listener == listener]


async def settled(organism: Organism) -> None:
    """Wait until nothing moves and every callback has been told."""
    await organism.drain()
    await asyncio.sleep(0)
    await asyncio.sleep(0)


# ── Who listens ─────────────────────────────────────────────────────────────────────────


async def test_callbacks_are_told_in_order_from_when_they_begin_until_they_end() -> None:
    events, first, second = Events(), [], []  # type: tuple[Events, list[Event], list[Event]]
    end = events.subscribe(first.append)
    events.emit(budget_event(1))
    events.subscribe(second.append)
    events.emit(budget_event(2))
    await asyncio.sleep(0)
    end()
    events.emit(budget_event(3))
    await asyncio.sleep(0)
    assert [first, second] == [
        [budget_event(1), budget_event(2)],
        [budget_event(2), budget_event(3)],
    ]


async def test_while_nobody_listens_no_event_need_be_built() -> None:
    events = Events()
    assert not events.heard
    one, other = events.subscribe(print), events.subscribe(print)
    assert events.heard
    one()
    assert events.heard
    other()
    assert not events.heard


async def test_a_callback_that_subscribed_twice_is_told_once_after_ending_one() -> None:
    events, told = Events(), []  # type: tuple[Events, list[Event]]
    end = events.subscribe(told.append)
    events.subscribe(told.append)
    end()
    end()
    events.emit(budget_event())
    await asyncio.sleep(0)
    assert told == [budget_event()]


async def test_a_callback_that_raises_stops_neither_the_others_nor_the_organism() -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    def crash(event: Event) -> None:
        raise RuntimeError("a watcher's own fault")

    async with memory_organism(Probe("a", Task, lambda *_: respond(Result("")))) as organism:
        organism.subscribe(crash)
        watcher = Watcher(organism)
        assert await organism.ask("a", Task("x")) == Result("")
        await settled(organism)
    assert len(reported) == len(watcher.events) > 0


async def test_a_callback_that_sends_on_every_event_is_not_told_within_an_event() -> None:
    inside = False
    worker = Probe("worker", Task, lambda *_: respond(Result("")))
    async with memory_organism(worker) as organism:

        def note(event: Event) -> None:
            nonlocal inside
            assert not inside
            inside = True
            if isinstance(event, MessageReceived) and event.payload == Task("first"):
                organism.accept(envelope("second"), "outside")
            inside = False

        organism.subscribe(note)
        await organism.ask("worker", Task("first"))
        await settled(organism)
    assert worker.payloads == [Task("first"), Task("second")]


def envelope(text: str) -> bytes:
    return (
        '<message xmlns="https://xml-pipeline.org/ns/envelope/v1"><meta><from>outside</from>'
        f'<to>worker</to><thread>t</thread></meta><Task xmlns=""><text>{text}</text></Task>'
        "</message>"
    ).encode()


# ── Streams ─────────────────────────────────────────────────────────────────────────────


async def test_a_stream_gives_every_event_from_when_it_was_made() -> None:
    async with memory_organism(Probe("a", Task, lambda *_: respond(Result("")))) as organism:
        await organism.ask("a", Task("unheard"))
        async with organism.events() as stream:
            await organism.ask("a", Task("heard"))
            first = await anext(stream)
            assert isinstance(first, ThreadEvent)
            sent = [each async for each in _until_received(stream)]
    assert next(each.payload for each in sent if isinstance(each, MessageSent)) == Task("heard")


async def _until_received(stream: Any) -> Any:
    async for event in stream:
        yield event
        if isinstance(event, MessageReceived):
            return


async def test_a_slow_reader_loses_the_oldest_events_and_knows_how_many() -> None:
    events = Events()
    stream = events.stream(waiting=3)
    for number in range(10):
        events.emit(budget_event(number))
    await asyncio.sleep(0)
    kept = [(await anext(stream)).percent_used for _ in range(3)]  # type: ignore[union-attr]
    assert (kept, stream.dropped) == ([7, 8, 9], 7)


async def test_a_stream_that_is_closed_ends_after_what_was_told() -> None:
    events = Events()
    stream = events.stream()
    reading = asyncio.create_task(_all(stream))
    events.emit(budget_event(1))
    await asyncio.sleep(0)
    stream.close()
    stream.close()
    events.emit(budget_event(2))
    assert await asyncio.wait_for(reading, 1) == [budget_event(1)]
    assert not events.heard
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def _all(stream: Any) -> list[Event]:
    return [each async for each in stream]


# ── What is told of a message ───────────────────────────────────────────────────────────


async def test_a_question_and_its_answer_are_each_sent_and_received_once() -> None:
    async with memory_organism(Probe("a", Task, lambda *_: respond(Result("y")))) as organism:
        watcher = Watcher(organism)
        await organism.ask("a", Task("x"))
        await settled(organism)
    told = [
        (type(each).__name__, each.from_id, each.to_id, each.payload_type, each.payload)
        for each in watcher.of(MessageSent) + watcher.of(MessageReceived)
    ]
    question = ("outside", "a", "Task", Task("x"))
    answer = ("a", "outside", "Result", Result("y"))
    assert Counter(told) == Counter(
        (kind, *said) for kind in ("MessageSent", "MessageReceived") for said in (question, answer)
    )
    assert len({each.message_id for each in watcher.of(MessageSent)}) == 2
    assert len({each.conversation_id for each in watcher.of(MessageSent)}) == 1


async def test_a_message_is_told_as_sent_before_it_is_received() -> None:
    async with memory_organism(Probe("a", Task, lambda *_: respond(Result("y")))) as organism:
        watcher = Watcher(organism)
        await organism.ask("a", Task("x"))
        await settled(organism)
    sent: set[str] = set()
    for event in watcher.events:
        if isinstance(event, MessageSent):
            sent.add(event.message_id)
        elif isinstance(event, MessageReceived):
            assert event.message_id in sent


async def test_threads_are_told_as_created_active_and_completed() -> None:
    def pass_on(payload: Any, _: HandlerMetadata) -> Any:
        return HandlerResponse(payload, to="b") if isinstance(payload, Task) else respond(payload)

    a = Probe("a", (Task, Result), pass_on, peers=("b",))
    b = Probe("b", Task, lambda *_: respond(Result("")))
    async with memory_organism(a, b) as organism:
        watcher = Watcher(organism)
        await organism.ask("a", Task("x"))
        await settled(organism)
    lives = defaultdict(list)
    for event in watcher.of(ThreadEvent):
        lives[event.thread_id].append(event.status)
    assert list(lives.values()) == [["created", "active", "completed"]] * 2
    assert {each.caller for each in watcher.of(ThreadEvent)} == {"outside", "a"}


# ── Idle again, whatever happened ───────────────────────────────────────────────────────


def crash(*_: object) -> None:
    raise RuntimeError


async def forever(*_: object) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("react", "error", "states"),
    [
        (lambda *_: respond(Result("")), None, ["processing", "idle"]),
        (lambda *_: None, NoReply, ["processing", "idle"]),
        (crash, HandlerFailed, ["processing", "error", "idle"]),
        (forever, Timeout, ["processing", "error", "idle"]),
        (lambda *_: respond(Result("\0")), Undeliverable, ["processing", "idle"]),
        (
            lambda *_: HandlerResponse(Task("x"), to="forbidden"),
            Undeliverable,
            ["processing", "idle"],
        ),
        (lambda *_: HandlerResponse.defer(within=9), Timeout, ["processing", "waiting", "idle"]),
    ],
    ids=["answer", "silence", "crash", "timeout", "unwritable", "forbidden", "owed"],
)
async def test_a_listener_is_idle_again_after_every_delivery(
    react: Any, error: type[Exception] | None, states: list[str]
) -> None:
    worker, forbidden = Probe("worker", Task, react, timeout=5.0), Probe("forbidden", Task)
    async with memory_organism(worker, forbidden) as organism:
        watcher = Watcher(organism)
        if error is None:
            await organism.ask("worker", Task("x"))
        else:
            with pytest.raises(error):
                await organism.ask("worker", Task("x"))
        await settled(organism)
    assert watcher.states("worker") == states
    assert len(watcher.of(FaultEvent)) == (error not in (None, NoReply))


async def test_a_listener_is_idle_again_when_its_thread_is_killed() -> None:
    worker = Probe("worker", Task, forever)
    async with memory_organism(worker) as organism:
        watcher = Watcher(organism)
        thread = await organism.send("worker", Task("x"))
        await worker.next()
        organism.kill(thread)
        await settled(organism)
    assert watcher.states("worker") == ["processing", "idle"]
    assert [each.status for each in watcher.of(ThreadEvent)][-1] == "killed"


# ── Faults ──────────────────────────────────────────────────────────────────────────────


async def test_a_fault_that_is_passed_on_is_one_event_with_the_id_that_is_answered() -> None:
    def pass_on(task: Task, _: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse(task, to={"a": "b", "b": "c"}[_.own_name])

    a, b = Probe("a", Task, pass_on, peers=("b",)), Probe("b", Task, pass_on, peers=("c",))
    async with memory_organism(a, b, Probe("c", Task, crash)) as organism:
        watcher = Watcher(organism)
        with pytest.raises(HandlerFailed) as caught:
            await organism.ask("a", Task("x"))
        await settled(organism)
    (fault,) = watcher.of(FaultEvent)
    assert (fault.code, fault.id) == ("handler", caught.value.id)
    assert (fault.from_id, fault.to_id) == ("b", "c")


async def test_a_caller_that_hears_of_a_fault_is_told_the_id_of_its_event() -> None:
    heard: list[SystemError] = []

    def try_once(payload: Any, _: HandlerMetadata) -> Any:
        if isinstance(payload, SystemError):
            heard.append(payload)
            return respond(Result(""))
        return HandlerResponse(payload, to="bad")

    boss = Probe("boss", (Task, SystemError), try_once, peers=("bad",))
    async with memory_organism(boss, Probe("bad", Task, crash)) as organism:
        watcher = Watcher(organism)
        await organism.ask("boss", Task("x"))
        await settled(organism)
    assert [each.id for each in watcher.of(FaultEvent)] == [each.id for each in heard]


async def test_what_an_envelope_claimed_and_was_not_is_noted() -> None:
    worker = Probe("worker", Task)
    async with memory_organism(worker) as organism:
        watcher = Watcher(organism)
        forged = envelope("x").replace(b"<from>outside</from>", b"<from>system</from>")
        await organism.inject(forged, "visitor")
        await settled(organism)
    (sent,) = watcher.of(MessageSent)
    assert sent.from_id == "visitor"
    assert any("system" in note for note in sent.notes)
    assert worker.seen[0].metadata.from_id == "visitor"


async def test_a_budget_tells_once_of_each_mark_it_passes() -> None:
    def spend(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        for _ in range(50):
            metadata.budget.reserve(tokens=2).settle(tokens=2)
        return respond(Result(""))

    async with memory_organism(Probe("a", Task, spend), budget={"tokens": 100}) as organism:
        watcher = Watcher(organism)
        await organism.ask("a", Task("x"))
        await settled(organism)
    told = [(each.severity, each.percent_used) for each in watcher.of(BudgetEvent)]
    assert told == [("warning", 76), ("critical", 90), ("final", 96)]


async def test_streams_end_when_the_organism_closes_after_all_that_happened() -> None:
    worker, happened = Probe("worker", Task, lambda *_: respond(Result("done"))), list[Event]()
    async with memory_organism(worker) as organism:
        leave = organism.subscribe(happened.append)
        first, second = organism.events(), organism.events()
        reading = asyncio.create_task(_all(first))
        await organism.send("worker", Task("x"))
        await worker.next()
    told = await asyncio.wait_for(reading, 1)
    leave()
    assert "completed" in {each.status for each in told if isinstance(each, ThreadEvent)}
    assert told == happened
    assert await asyncio.wait_for(_all(second), 1) == told
    assert await asyncio.wait_for(_all(organism.events()), 1) == []
    assert not organism.kernel.events.heard
