"""Hooks around every dispatch: which are called, in which order, and what their errors do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.flows.payloads import Number, Result, Task
from xml_pipeline.errors import HandlerFailed, NoReply, Timeout, Undeliverable
from xml_pipeline.hooks import DispatchHook
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.organism import Organism
from xml_pipeline.payload import RawPayload
from xml_pipeline.testing import Probe, memory_organism, respond

pytestmark = pytest.mark.virtual_clock


class Journal:
    """A hook that writes down every call, and reacts to it as it is told."""

    def __init__(self, react: Callable[[str], None] = lambda call: None, name: str = "") -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.named: list[str] = []
        self._react = react
        self._name = name
        self._entries = 0

    async def on_intent(
        self, thread_id: str, from_id: str, to_id: str, payload_type: str, payload_bytes: bytes
    ) -> object:
        self._entries += 1
        entry = f"{self._name}{self._entries}"
        self._note("intent", entry, from_id, to_id, payload_type, payload_bytes)
        return entry

    async def on_dispatched(self, entry: object) -> None:
        self._note("dispatched", entry)

    async def on_acknowledged(self, entry: object) -> None:
        self._note("acknowledged", entry)

    async def on_failed(self, entry: object, error: str) -> None:
        self._note("failed", entry, error)

    async def on_thread_complete(self, thread_id: str) -> None:
        self._note("complete", thread_id)

    def _note(self, call: str, *said: object) -> None:
        self.calls.append((call, *said))
        self._react(call)

    def of(self, *calls: str) -> list[str]:
        return [each[0] for each in self.calls if each[0] in calls]

    @property
    def dispatches(self) -> list[tuple[Any, ...]]:
        return [each for each in self.calls if each[0] != "complete"]


def failing(when: str) -> Callable[[str], None]:
    def react(call: str) -> None:
        if call == when:
            raise OSError("the disk is full")

    return react


def echo(name: str = "echo", **options: Any) -> Probe:
    return Probe(name, Task, lambda task, _: respond(Result(task.text)), **options)


async def outcome(organism: Organism, to: str = "echo", **options: Any) -> Any:
    """Ask, and wait until every hook has been told."""
    try:
        return await organism.ask(to, Task("x"), **options)
    finally:
        await organism.drain()
        for _ in range(5):
            await asyncio.sleep(0)


def hooked(journal: DispatchHook, *probes: Probe, **config: Any) -> Organism:
    organism = memory_organism(*probes, **config)
    organism.hooks.append(journal)
    return organism


# ── Which, and in which order ───────────────────────────────────────────────────────────


async def test_a_delivery_that_succeeds_is_intended_dispatched_and_acknowledged() -> None:
    journal = Journal()
    async with hooked(journal, echo()) as organism:
        assert await outcome(organism) == Result("x")
    assert journal.dispatches == [
        ("intent", "1", "outside", "echo", "Task", b"<Task><text>x</text></Task>"),
        ("dispatched", "1"),
        ("acknowledged", "1"),
    ]
    assert journal.of("complete") == ["complete"]


async def test_a_delivery_that_fails_is_told_with_its_error() -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("why it failed")

    journal = Journal()
    async with hooked(journal, Probe("echo", Task, crash)) as organism:
        with pytest.raises(HandlerFailed):
            await outcome(organism)
    assert [each[0] for each in journal.dispatches] == ["intent", "dispatched", "failed"]
    assert "why it failed" in journal.dispatches[-1][2]
    assert journal.of("complete") == ["complete"]


async def test_a_delivery_that_takes_too_long_has_failed() -> None:
    async def forever(*_: object) -> None:
        await asyncio.Event().wait()

    journal = Journal()
    async with hooked(journal, Probe("echo", Task, forever, timeout=1.0)) as organism:
        with pytest.raises(Timeout):
            await outcome(organism)
    assert journal.of("intent", "dispatched", "failed", "acknowledged") == [
        "intent",
        "dispatched",
        "failed",
    ]


async def test_silence_is_acknowledged_as_an_answer_is() -> None:
    journal = Journal()
    async with hooked(journal, Probe("echo", Task)) as organism:
        with pytest.raises(NoReply):
            await outcome(organism)
    assert [each[0] for each in journal.dispatches] == ["intent", "dispatched", "acknowledged"]


async def test_a_delivery_whose_message_is_refused_is_acknowledged_all_the_same() -> None:
    stray = Probe("echo", Task, lambda *_: HandlerResponse(Task("x"), to="forbidden"))
    journal = Journal()
    async with hooked(journal, stray, Probe("forbidden", Task)) as organism:
        with pytest.raises(Undeliverable):
            await outcome(organism)
    assert [each[0] for each in journal.dispatches] == ["intent", "dispatched", "acknowledged"]


async def test_acknowledged_comes_once_the_outputs_are_on_their_way() -> None:
    waiting: list[int] = []
    organism: Organism

    def react(call: str) -> None:
        if call == "acknowledged":
            waiting.append(len(organism.kernel.inbox))

    def fan_out(task: Task, _: HandlerMetadata) -> Any:
        return [HandlerResponse(task, to="echo") for _ in range(7)]

    boss = Probe("boss", Task, fan_out, peers=("echo",))
    organism = hooked(Journal(react), boss, Probe("echo", Task))
    async with organism:
        with pytest.raises(NoReply):
            await outcome(organism, "boss")
    assert waiting[0] == 7


async def test_raw_payloads_are_told_as_they_came() -> None:
    journal = Journal()
    async with hooked(
        journal, Probe("echo", RawPayload, lambda raw, _: respond(raw.xml))
    ) as organism:
        assert (await outcome(organism)).xml == b"<Task><text>x</text></Task>"
    assert journal.dispatches[0][4:] == ("RawPayload", b"<Task><text>x</text></Task>")


async def test_several_hooks_are_told_in_their_order_each_with_its_own_entry() -> None:
    order: list[str] = []
    first = Journal(lambda call: order.append(f"first {call}"), name="a")
    second = Journal(lambda call: order.append(f"second {call}"), name="b")
    organism = hooked(first, echo())
    organism.hooks.append(second)
    async with organism:
        await outcome(organism)
    assert order[:6] == [
        "first intent",
        "second intent",
        "first dispatched",
        "second dispatched",
        "first acknowledged",
        "second acknowledged",
    ]
    assert (first.dispatches[1][1], second.dispatches[1][1]) == ("a1", "b1")


# ── Errors of hooks ─────────────────────────────────────────────────────────────────────


async def test_an_intent_that_cannot_be_noted_stops_that_dispatch_and_no_other() -> None:
    failures = iter([OSError("the disk is full")])

    def react(call: str) -> None:
        if call == "intent" and (error := next(failures, None)):
            raise error

    probe, journal = echo(), Journal(react)
    async with hooked(journal, probe) as organism:
        with pytest.raises(HandlerFailed) as caught:
            await outcome(organism)
        assert "disk" not in str(caught.value)
        assert probe.payloads == []
        assert await outcome(organism) == Result("x")
    assert journal.of("dispatched", "acknowledged", "failed") == ["dispatched", "acknowledged"]


async def test_a_hook_that_had_noted_an_intent_which_another_refused_is_told_so() -> None:
    first, second = Journal(), Journal(failing("intent"))
    organism = hooked(first, echo())
    organism.hooks.append(second)
    async with organism:
        with pytest.raises(HandlerFailed):
            await outcome(organism)
    assert [each[0] for each in first.dispatches] == ["intent", "failed"]


@pytest.mark.parametrize("when", ["dispatched", "acknowledged", "complete"])
async def test_any_other_error_of_a_hook_is_logged_and_changes_nothing(
    when: str, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(failing(when))
    async with hooked(journal, echo()) as organism:
        assert await outcome(organism) == Result("x")
    assert "the disk is full" in caplog.text
    assert [each[0] for each in journal.dispatches] == ["intent", "dispatched", "acknowledged"]


async def test_a_handler_that_is_killed_while_its_hook_is_told_of_it_has_failed() -> None:
    told = asyncio.Event()

    class Slow(Journal):
        async def on_dispatched(self, entry: object) -> None:
            await super().on_dispatched(entry)
            told.set()
            await asyncio.Event().wait()

    journal = Slow()
    async with hooked(journal, echo()) as organism:
        thread = await organism.send("echo", Task("x"))
        await told.wait()
        organism.kill(thread)
        await organism.drain()
        for _ in range(5):
            await asyncio.sleep(0)
    assert journal.of("intent", "dispatched", "failed") == ["intent", "dispatched", "failed"]


# ── Threads ─────────────────────────────────────────────────────────────────────────────


async def test_a_thread_is_complete_once_and_only_when_its_siblings_have_ended() -> None:
    order: list[str] = []

    def split(payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            return [HandlerResponse(Number(n), to="part") for n in range(3)]
        metadata.state["n"] = metadata.state.get("n", 0) + 1
        return respond(Result("all")) if metadata.state["n"] == 3 else None

    def part(number: Number, metadata: HandlerMetadata) -> HandlerResponse:
        order.append(f"part {number.n}")
        return respond(Result(str(number.n)))

    journal = Journal(lambda call: order.append(call) if call == "complete" else None)
    whole = Probe("whole", (Task, Result), split, peers=("part",))
    async with hooked(journal, whole, Probe("part", Number, part)) as organism:
        assert await outcome(organism, "whole") == Result("all")
    told = [each[1] for each in journal.calls if each[0] == "complete"]
    assert len(told) == len(set(told)) == 4
    assert told[-1] == whole.seen[0].metadata.thread_id
    assert order[-1] == "complete"


async def test_a_killed_thread_is_complete_too() -> None:
    journal = Journal()
    async with hooked(journal, echo()) as organism:
        organism.pause("echo")
        thread = await organism.send("echo", Task("x"))
        for _ in range(3):
            await asyncio.sleep(0)
        organism.kill(thread)
        await organism.drain()
        await asyncio.sleep(0)
    assert journal.calls == [("complete", thread)]


async def test_a_hook_that_is_cancelled_before_the_handler_began_fails_that_dispatch() -> None:
    probe = echo()

    class Cancelled(Journal):
        async def on_intent(self, *said: Any) -> object:
            raise asyncio.CancelledError

    async with hooked(Cancelled(), probe) as organism:
        with pytest.raises(HandlerFailed):
            await outcome(organism, timeout=1)
    assert probe.payloads == []


async def test_a_hook_that_never_ends_does_not_keep_the_organism_from_ending() -> None:
    class Slow(Journal):
        async def on_thread_complete(self, thread_id: str) -> None:
            await super().on_thread_complete(thread_id)
            await asyncio.Event().wait()

    journal = Slow()
    async with hooked(journal, echo()) as organism:
        await outcome(organism)
    assert journal.of("complete") == ["complete"]
