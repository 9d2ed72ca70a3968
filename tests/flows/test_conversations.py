"""Threads and conversations: who hears what, on which thread, and when it is over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.flows.payloads import Note, Number, Result, Task
from xml_pipeline.errors import (
    BudgetExhausted,
    HandlerFailed,
    NoReply,
    Timeout,
    Undeliverable,
    UnknownThread,
)
from xml_pipeline.events import Event, FaultEvent, ThreadEvent
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.system import SystemError, ThreadEnded
from xml_pipeline.testing import Probe, memory_organism, respond


def worker(name: str = "worker", **options: Any) -> Probe:
    return Probe(name, Task, lambda task, _: respond(Result(f"{name} did {task.text}")), **options)


def boss(*peers: str, react: Any = None) -> Probe:
    def pass_on(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        if isinstance(payload, Task):
            return HandlerResponse(payload, to=peers[0])
        return respond(Result(f"boss heard: {payload.text}"))

    return Probe("boss", (Task, Result), react or pass_on, peers=peers)


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


@pytest.mark.virtual_clock
async def test_a_handler_that_takes_too_long_is_stopped_and_its_caller_told() -> None:
    async def sleep(task: Task, metadata: HandlerMetadata) -> None:
        await asyncio.sleep(3600)

    slow = Listener("slow", Task, sleep, description="Sleeps.", timeout=5)
    async with memory_organism(slow) as organism:
        began = asyncio.get_running_loop().time()
        with pytest.raises(Timeout):
            await organism.ask("slow", Task("x"))
        assert asyncio.get_running_loop().time() - began == pytest.approx(5)


@pytest.mark.virtual_clock
async def test_a_handler_that_swallows_its_cancellation_keeps_nobody_waiting() -> None:
    gone = asyncio.Event()

    async def stubborn(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            await asyncio.sleep(10)
        gone.set()
        return respond(Result("too late"))

    deaf = Listener("deaf", Task, stubborn, description="Does not listen.", timeout=1)
    async with memory_organism(deaf) as organism:
        with pytest.raises(Timeout):
            await organism.ask("deaf", Task("x"))
        assert organism.kernel.scheduler.running == 0
        await gone.wait()


@pytest.mark.virtual_clock
async def test_who_stops_waiting_stops_the_work() -> None:
    async def sleep(task: Task, metadata: HandlerMetadata) -> None:
        await asyncio.sleep(20)

    slow = Listener("slow", Task, sleep, description="Sleeps.")
    async with memory_organism(slow) as organism:
        with pytest.raises(Timeout):
            await organism.ask("slow", Task("x"), timeout=2)
        assert len(organism.kernel.threads) == 0
        asking = asyncio.create_task(organism.ask("slow", Task("x")))
        await asyncio.sleep(1)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert len(organism.kernel.threads) == 0


async def test_a_deferred_answer_is_given_later_from_outside() -> None:
    person = Probe("person", Task, lambda *_: HandlerResponse.defer(within=60))
    async with memory_organism(boss("person"), person) as organism:
        asking = asyncio.create_task(organism.ask("boss", Task("approve?")))
        thread = (await person.next()).metadata.thread_id
        await organism.drain()
        organism.answer(thread, Result("yes"))
        assert await asking == Result("boss heard: yes")
        with pytest.raises(UnknownThread):
            organism.answer(thread, Result("yes again"))


@pytest.mark.virtual_clock
async def test_a_deferred_answer_that_does_not_come_is_a_timeout() -> None:
    person = Probe("person", Task, lambda *_: HandlerResponse.defer(within=60))
    async with memory_organism(boss("person"), person) as organism:
        with pytest.raises(Timeout):
            await organism.ask("boss", Task("approve?"))


@pytest.mark.virtual_clock
async def test_a_delayed_message_sets_out_when_its_time_has_come() -> None:
    def react(payload: Any, _: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            return HandlerResponse(Note("now"), to="clock").after(3600)
        return respond(Result("rang"))

    async with memory_organism(Probe("clock", (Task, Note), react)) as organism:
        began = asyncio.get_running_loop().time()
        assert await organism.ask("clock", Task("x")) == Result("rang")
        assert asyncio.get_running_loop().time() - began == pytest.approx(3600)


@pytest.mark.virtual_clock
async def test_killing_a_thread_stops_everything_below_it_at_once() -> None:
    async def sleep(task: Task, metadata: HandlerMetadata) -> None:
        await asyncio.sleep(20)

    slow = Listener("slow", Task, sleep, description="Sleeps.")
    statuses: dict[str, str] = {}

    def note(event: Event) -> None:
        if isinstance(event, ThreadEvent):
            statuses[event.thread_id] = event.status

    async with memory_organism(boss("slow"), slow) as organism:
        organism.subscribe(note)
        thread = await organism.send("boss", Task("x"))
        await asyncio.sleep(1)
        assert organism.kernel.scheduler.running == 1
        organism.kill(thread)
        assert organism.kernel.scheduler.running == 0
        assert len(organism.kernel.threads) == 0
        with pytest.raises(UnknownThread):
            organism.kill(thread)
        await organism.drain()
    assert set(statuses.values()) == {"killed"}
    assert len(statuses) == 2


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


async def test_the_hop_limit_ends_two_who_answer_each_other_for_ever() -> None:
    ping = Probe("ping", Task, lambda task, _: HandlerResponse(task, to="pong"), peers=("pong",))
    pong = Probe("pong", Task, lambda task, _: HandlerResponse(task, to="ping"), peers=("ping",))
    faults: list[Event] = []
    async with memory_organism(ping, pong, budget={"hops": 20}) as organism:
        organism.subscribe(lambda event: faults.append(event))
        with pytest.raises(BudgetExhausted):
            await organism.ask("ping", Task("x"))
        assert len(organism.kernel.threads) == 0
    assert len(ping.seen) + len(pong.seen) == 21
    assert sum(isinstance(event, FaultEvent) for event in faults) == 1


async def test_the_hop_limit_holds_for_those_who_try_again_after_every_error() -> None:
    def retry(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        other = "b" if metadata.own_name == "a" else "a"
        return HandlerResponse(Task("again"), to=other)

    both = [Probe(n, (Task, SystemError), retry, peers=("a", "b")) for n in ("a", "b")]
    async with memory_organism(*both, budget={"hops": 10}) as organism:
        with pytest.raises(BudgetExhausted):
            await organism.ask("a", Task("x"))
        assert len(organism.kernel.threads) == 0
    assert len(both[0].seen) + len(both[1].seen) <= 2 * 11


async def test_the_message_budget_is_shared_by_the_whole_conversation() -> None:
    def fan(payload: Any, metadata: HandlerMetadata) -> Any:
        return [HandlerResponse(payload, to="fan"), HandlerResponse(payload, to="fan")]

    greedy = Probe("fan", Task, fan)
    async with memory_organism(greedy, budget={"messages": 100}) as organism:
        with pytest.raises(BudgetExhausted):
            await organism.ask("fan", Task("x"))
    assert len(greedy.seen) <= 100


@pytest.mark.virtual_clock
async def test_a_conversation_ends_when_its_seconds_are_up() -> None:
    def again(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse(payload, to="clock").after(1)

    async with memory_organism(Probe("clock", Task, again), budget={"seconds": 30}) as organism:
        with pytest.raises(BudgetExhausted):
            await organism.ask("clock", Task("x"))
        assert len(organism.kernel.threads) == 0


async def test_a_paused_listener_keeps_what_waits_and_goes_on_where_it_was() -> None:
    digger = worker()
    async with memory_organism(digger, worker("other")) as organism:
        organism.pause("worker")
        asking = [asyncio.create_task(organism.ask("worker", Task(str(n)))) for n in range(5)]
        assert await organism.ask("other", Task("x")) == Result("other did x")
        assert digger.seen == []
        organism.resume("worker")
        assert [each.text for each in await asyncio.gather(*asking)] == [
            f"worker did {n}" for n in range(5)
        ]


async def test_a_busy_listener_does_not_delay_an_idle_one() -> None:
    gate = asyncio.Event()

    async def wait(task: Task, _: HandlerMetadata) -> HandlerResponse:
        await gate.wait()
        return respond(Result("at last"))

    busy = Listener("busy", Task, wait, description="Waits.", max_concurrent=1)
    async with memory_organism(busy, worker(), max_concurrent_handlers=2) as organism:
        asking = [asyncio.create_task(organism.ask("busy", Task(str(n)))) for n in range(10)]
        for n in range(10):
            assert await organism.ask("worker", Task(str(n)))
        gate.set()
        assert len(await asyncio.gather(*asking)) == 10


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
