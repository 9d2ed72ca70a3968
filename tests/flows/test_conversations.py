"""Threads and conversations: who hears what, on which thread, and when it is over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.flows.parts import boss, worker
from tests.flows.payloads import Note, Number, Result, Task
from xml_pipeline.errors import (
    HandlerFailed,
    NoReply,
    Undeliverable,
)
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.system import SystemError, ThreadEnded
from xml_pipeline.testing import Probe, memory_organism, respond


async def test_an_answer_comes_back_to_whoever_asked() -> None:
    async with memory_organism(worker()) as organism:
        assert await organism.ask("worker", Task("dig")) == Result("worker did dig")
        assert len(organism.kernel.threads) == 0


async def test_a_reply_comes_back_on_the_callers_own_thread() -> None:
    chief, digger = boss("worker"), worker()
    async with memory_organism(chief, digger) as organism:
        answer = await organism.ask("boss", Task("dig"))
    assert answer == Result("boss heard: worker did dig")
    first, second = (each.metadata for each in chief.seen)
    assert first.thread_id == second.thread_id
    assert digger.seen[0].metadata.thread_id != first.thread_id
    assert digger.seen[0].metadata.conversation_id == first.conversation_id
    assert second.from_id == "worker"
    assert second.in_reply_to is not None
    assert (first.hops, digger.seen[0].metadata.hops, second.hops) == (0, 1, 2)


async def test_a_reply_carries_the_key_its_request_was_given() -> None:
    def ask_both(payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            return [HandlerResponse(payload, to="worker", key=key) for key in ("a", "b")]
        metadata.state[metadata.in_reply_to or ""] = payload.text
        if len(metadata.state) < 2:
            return None
        return respond(Result(" ".join(sorted(metadata.state))))

    async with memory_organism(boss("worker", react=ask_both), worker()) as organism:
        assert await organism.ask("boss", Task("x")) == Result("a b")


async def test_a_self_call_stays_on_the_thread_and_says_so() -> None:
    def count(number: Number, metadata: HandlerMetadata) -> HandlerResponse:
        if number.n < 5:
            return HandlerResponse(Number(number.n + 1), to="counter")
        return respond(Result(f"counted to {number.n}"))

    counter = Probe("counter", Number, count)
    async with memory_organism(counter) as organism:
        assert await organism.ask("counter", Number(0)) == Result("counted to 5")
    assert len({each.metadata.thread_id for each in counter.seen}) == 1
    assert [each.metadata.is_self_call for each in counter.seen] == [False] + [True] * 5


async def test_two_conversations_over_the_same_path_have_nothing_in_common() -> None:
    chief = boss("worker")
    async with memory_organism(chief, worker()) as organism:
        answers = await asyncio.gather(*(organism.ask("boss", Task(str(n))) for n in range(20)))
    assert answers == [Result(f"boss heard: worker did {n}") for n in range(20)]
    assert len({each.metadata.thread_id for each in chief.seen}) == 20


async def test_silence_below_a_caller_that_listens_for_it_is_told_to_it() -> None:
    def react(payload: Any, _: HandlerMetadata) -> HandlerResponse:
        if isinstance(payload, ThreadEnded):
            return respond(Result(f"{payload.listener} said nothing"))
        return HandlerResponse(payload, to="mute")

    chief = Probe("boss", (Task, ThreadEnded), react, peers=("mute",))
    async with memory_organism(chief, Probe("mute", Task)) as organism:
        assert await organism.ask("boss", Task("x")) == Result("mute said nothing")


async def test_silence_everywhere_ends_the_question_with_no_reply() -> None:
    async with memory_organism(boss("mute"), Probe("mute", Task)) as organism:
        with pytest.raises(NoReply):
            await organism.ask("boss", Task("x"))
        assert len(organism.kernel.threads) == 0


async def test_a_handler_that_raises_fails_its_caller_as_an_exception_would() -> None:
    def crash(task: Task, _: HandlerMetadata) -> None:
        raise RuntimeError("secret detail")

    async with memory_organism(boss("bad"), Probe("bad", Task, crash)) as organism:
        with pytest.raises(HandlerFailed) as caught:
            await organism.ask("boss", Task("x"))
    assert caught.value.code == "handler"
    assert caught.value.id
    assert "secret" not in str(caught.value)


async def test_a_caller_that_declares_system_error_hears_of_the_failure_and_goes_on() -> None:
    def crash(task: Task, _: HandlerMetadata) -> None:
        raise RuntimeError

    def react(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        if isinstance(payload, SystemError):
            return respond(Result(f"{payload.code} of {metadata.in_reply_to}"))
        return HandlerResponse(payload, to="bad", key="call 1")

    chief = Probe("boss", (Task, SystemError), react, peers=("bad",))
    async with memory_organism(chief, Probe("bad", Task, crash)) as organism:
        assert await organism.ask("boss", Task("x")) == Result("handler of call 1")


async def test_absent_and_forbidden_read_the_same() -> None:
    def react(payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            return HandlerResponse(payload, to=payload.text)
        return respond(Result(f"{payload.code}: {payload.message}"))

    chief = Probe("boss", (Task, SystemError), react, peers=("nobody",))
    async with memory_organism(chief, worker()) as organism:
        forbidden = await organism.ask("boss", Task("worker"))
        absent = await organism.ask("boss", Task("nobody"))
        unwritable = await organism.ask("boss", Task("a<b"))
    assert forbidden == absent == unwritable
    assert forbidden.text.startswith("routing: ")


async def test_an_answer_that_does_not_fit_its_caller_is_a_fault_of_the_caller_who_waits() -> None:
    odd = Probe("odd", Task, lambda *_: respond(Note("not a result")))
    async with memory_organism(boss("odd"), odd) as organism:
        with pytest.raises(Undeliverable) as caught:
            await organism.ask("boss", Task("x"))
    assert caught.value.code == "validation"


async def test_a_payload_that_xml_cannot_carry_fails_the_caller_with_validation() -> None:
    bell = Probe("bell", Task, lambda *_: respond(Result("\x07")))
    async with memory_organism(bell) as organism:
        with pytest.raises(Undeliverable) as caught:
            await organism.ask("bell", Task("ring"))
    assert caught.value.code == "validation"


async def test_answering_ends_whatever_was_still_running_below() -> None:
    stopped = asyncio.Event()

    async def never(task: Task, _: HandlerMetadata) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    slow = Listener("slow", Task, never, description="Never ends.")

    def react(payload: Any, _: HandlerMetadata) -> Any:
        if payload.text == "start":
            return [
                HandlerResponse(Task("wait"), to="slow"),
                HandlerResponse(Task("answer"), to="boss"),
            ]
        return respond(Result("done"))

    async with memory_organism(Probe("boss", Task, react, peers=("slow",)), slow) as organism:
        assert await organism.ask("boss", Task("start")) == Result("done")
        await stopped.wait()
        await organism.drain()
        assert len(organism.kernel.threads) == 0
        assert organism.kernel.scheduler.running == 0


async def test_messages_to_one_thread_are_handled_one_at_a_time_in_order() -> None:
    running, most, order = 0, 0, []

    async def slow(number: Number, _: HandlerMetadata) -> HandlerResponse | None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _turn in range(3):
            await asyncio.sleep(0)
        running -= 1
        order.append(number.n)
        return respond(Result("end")) if number.n == 9 else None

    def begin(task: Task, _: HandlerMetadata) -> Any:
        return [HandlerResponse(Number(n), to="line") for n in range(10)]

    async def line(payload: Any, metadata: HandlerMetadata) -> Any:
        return (
            begin(payload, metadata) if isinstance(payload, Task) else await slow(payload, metadata)
        )

    listener = Listener("line", (Task, Number), line, description="Counts.")
    async with memory_organism(listener) as organism:
        assert await organism.ask("line", Task("go")) == Result("end")
    assert order == list(range(10))
    assert most == 1


async def test_state_is_kept_only_if_the_handler_succeeds() -> None:
    def react(payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            metadata.state["list"] = [1]
            return HandlerResponse(Number(1), to="keeper")
        if payload.n == 1:
            metadata.state["list"].append(2)
            return [HandlerResponse(Number(2), to="keeper"), "not a response"]
        raise AssertionError

    keeper = Probe("keeper", (Task, Number), react)
    async with memory_organism(keeper) as organism:
        with pytest.raises(HandlerFailed):
            await organism.ask("keeper", Task("x"))
    assert keeper.payloads == [Task("x"), Number(1)]


async def test_state_belongs_to_one_listener_on_one_thread() -> None:
    def react(number: Number, metadata: HandlerMetadata) -> Any:
        metadata.state["seen"] = [*metadata.state.get("seen", ()), number.n]
        if number.n < 3:
            return HandlerResponse(Number(number.n + 1), to="keeper")
        return respond(Result(str(metadata.state["seen"])))

    async with memory_organism(Probe("keeper", Number, react)) as organism:
        assert await organism.ask("keeper", Number(1)) == Result("[1, 2, 3]")
        assert await organism.ask("keeper", Number(2)) == Result("[2, 3]")


async def test_a_broadcast_reaches_all_and_each_reply_comes_on_its_own() -> None:
    def react(payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            return HandlerResponse(Note(payload.text))
        heard = metadata.state["heard"] = [*metadata.state.get("heard", ()), metadata.from_id]
        return respond(Result(" ".join(sorted(heard)))) if len(heard) == 3 else None

    ears = [
        Probe(f"ear{n}", Note, lambda *_: respond(Result("heard")), broadcast=True)
        for n in range(4)
    ]
    peers = ("ear0", "ear1", "ear2")
    chief = Probe("boss", (Task, Result), react, peers=peers)
    async with memory_organism(chief, *ears) as organism:
        assert await organism.ask("boss", Task("x")) == Result("ear0 ear1 ear2")
    assert ears[3].seen == []


async def test_a_group_is_a_name_for_all_its_members() -> None:
    members = [
        Probe(f"m{n}", Task, lambda *_: respond(Result("here")), group="crew") for n in range(3)
    ]
    async with memory_organism(*members) as organism:
        assert await organism.ask("crew", Task("x")) == Result("here")
        await organism.drain()
        assert len(organism.kernel.threads) == 0
    assert [len(each.seen) for each in members] == [1, 1, 1]


async def test_of_a_question_to_several_the_fault_of_one_does_not_drown_the_answer() -> None:
    def crash(task: Task, _: HandlerMetadata) -> None:
        raise RuntimeError

    async def late(task: Task, _: HandlerMetadata) -> HandlerResponse:
        for _turn in range(5):
            await asyncio.sleep(0)
        return respond(Result("fine"))

    bad = Probe("bad", Task, crash, group="crew")
    good = Listener("good", Task, late, description="Is late.", group="crew")
    async with memory_organism(bad, good) as organism:
        assert await organism.ask("crew", Task("x")) == Result("fine")


async def test_what_stands_in_the_envelope_about_its_sender_counts_for_nothing() -> None:
    digger = worker()
    async with memory_organism(digger) as organism:
        await organism.inject(
            b'<message xmlns="https://xml-pipeline.org/ns/envelope/v1">'
            b"<meta><from>system</from><to>worker</to><thread>t</thread></meta>"
            b'<Task xmlns=""><text>x</text></Task></message>',
            sender="mallory",
        )
        await digger.next()
    assert digger.seen[0].metadata.from_id == "mallory"
    with pytest.raises(ValueError, match="nobody outside"):
        async with memory_organism(worker()) as organism:
            await organism.send("worker", Task("x"), sender="worker")


async def test_an_open_conversation_of_ones_own_can_be_continued() -> None:
    def react(payload: Any, _: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.defer(60) if isinstance(payload, Task) else respond(Result("ok"))

    person = Probe("person", (Task, Note), react)
    async with memory_organism(person) as organism:
        thread = await organism.send("person", Task("x"), sender="ann")
        await organism.drain()
        follow = (
            '<message xmlns="https://xml-pipeline.org/ns/envelope/v1"><meta><from>a</from>'
            f'<thread>{thread}</thread></meta><Note xmlns=""><text>y</text></Note></message>'
        ).encode()
        stolen = await organism.inject(follow, sender="mallory")
        assert stolen != thread
        await organism.drain()
        assert await organism.inject(follow, sender="ann") == thread
        await organism.drain()
    assert [each.metadata.thread_id == thread for each in person.seen] == [True, False, True]
