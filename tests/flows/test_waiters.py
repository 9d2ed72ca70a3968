"""Whoever waits outside hears the answer to their own message, whatever else is said meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.flows.payloads import Note, Result, Task
from xml_pipeline.errors import HandlerFailed, NoReply, Timeout, Unanswered, Undeliverable
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.organism import Organism
from xml_pipeline.payload import codec_of
from xml_pipeline.steps.seal import envelope_bytes
from xml_pipeline.testing import Probe, memory_organism, respond
from xml_pipeline.thread import Thread

pytestmark = pytest.mark.virtual_clock


class Talk:
    """One conversation of somebody outside, who may ask again while it goes on."""

    def __init__(self, organism: Organism) -> None:
        self.organism = organism
        self.thread: Thread | None = None

    def ask(self, to: str, payload: Any) -> asyncio.Future[Any]:
        """Put a message into the conversation; return a future of its answer's text, or error."""
        body = codec_of(type(payload)).to_xml(payload)
        id = self.thread.id if self.thread is not None else "new"
        thread = self.organism.accept(envelope_bytes(body, "ada", to, id), "ada")
        assert self.thread in (None, thread)
        self.thread = thread
        return asyncio.ensure_future(_said(self.organism.waiter(thread)))


async def _said(answer: asyncio.Future[Any]) -> str | type[Unanswered]:
    try:
        return str((await answer).payload.text)
    except Unanswered as error:
        return type(error)


@asynccontextmanager
async def talk(*listeners: Probe) -> AsyncIterator[Talk]:
    async with memory_organism(*listeners) as organism:
        yield Talk(organism)
        await organism.drain()
        assert not len(organism.kernel.threads)


def after(seconds: float, name: str, **options: Any) -> Probe:
    """Return a listener that takes some seconds to answer what it was asked."""

    async def answer(payload: Any, metadata: HandlerMetadata) -> Any:
        await asyncio.sleep(seconds)
        if payload.text == "fail":
            raise RuntimeError
        return respond(Result(f"{name}: {payload.text}")) if payload.text != "hush" else None

    return Probe(name, Task, answer, **options)


@pytest.mark.parametrize(("first", "second"), [(9, 1), (5, 5), (1, 9)])
async def test_two_who_ask_two_listeners_in_one_conversation_each_hear_their_own(
    first: int, second: int
) -> None:
    keeper = Probe("keeper", Task, lambda *_: HandlerResponse.defer(within=100))
    async with talk(keeper, after(first, "slow"), after(second, "quick")) as ada:
        kept = ada.ask("keeper", Task("wait"))
        await keeper.next()
        asked = [ada.ask("slow", Task("a")), ada.ask("quick", Task("b"))]
        assert await asyncio.gather(*asked) == ["slow: a", "quick: b"]
        assert not kept.done()
        ada.organism.answer(ada.thread.id if ada.thread else "", Result("kept"))
        assert await kept == "kept"


async def test_a_fault_is_told_to_whose_message_it_is_about_and_to_nobody_else() -> None:
    keeper = Probe("keeper", Task, lambda *_: HandlerResponse.defer(within=100))
    async with talk(keeper, after(1, "worker")) as ada:
        kept = ada.ask("keeper", Task("wait"))
        await keeper.next()
        fails, fine = ada.ask("worker", Task("fail")), ada.ask("worker", Task("x"))
        lost, odd = ada.ask("nobody", Task("x")), ada.ask("worker", Note("x"))
        assert [await each for each in (fails, fine, lost, odd)] == [
            HandlerFailed,
            "worker: x",
            Undeliverable,
            Undeliverable,
        ]
        assert not kept.done()
        assert await kept is Timeout


async def test_a_second_question_that_the_first_answer_cuts_off_is_told_that_none_will_come() -> (
    None
):
    worker = after(5, "worker")
    async with talk(worker) as ada:
        asked = [ada.ask("worker", Task("a"))]
        await worker.next()
        asked.append(ada.ask("worker", Task("b")))
        assert await asyncio.gather(*asked) == ["worker: a", NoReply]


async def test_each_question_that_is_acknowledged_has_its_own_acknowledgement() -> None:
    def acknowledge(task: Task, metadata: HandlerMetadata) -> Any:
        work = HandlerResponse(Task("hush"), to="worker")
        return [HandlerResponse.acknowledge(Result(f"noted {task.text}")), work]

    clerk = Probe("clerk", Task, acknowledge, peers=("worker",))
    async with talk(clerk, after(5, "worker")) as ada:
        asked = [ada.ask("clerk", Task(text)) for text in "abc"]
        assert await asyncio.gather(*asked) == ["noted a", "noted b", "noted c"]


async def test_a_question_that_takes_longer_is_not_answered_with_the_answer_to_a_later_one() -> (
    None
):
    def react(payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, Result):
            return respond(payload)
        if payload.text == "quick":
            return HandlerResponse.acknowledge(Result("at once"))
        return HandlerResponse(payload, to="worker")

    boss = Probe("boss", (Task, Result), react, peers=("worker",))
    async with talk(boss, after(5, "worker")) as ada:
        asked = [ada.ask("boss", Task("long")), ada.ask("boss", Task("quick"))]
        assert await asyncio.gather(*asked) == ["worker: long", "at once"]


async def test_an_answer_given_later_is_for_all_that_was_asked_until_then() -> None:
    def react(payload: Any, metadata: HandlerMetadata) -> Any:
        return HandlerResponse.defer(within=100) if payload.text == "a" else None

    person = Probe("person", Task, react)
    async with talk(person) as ada:
        asked = [ada.ask("person", Task("a")), ada.ask("person", Task("b"))]
        await person.next()
        await person.next()
        ada.organism.answer(ada.thread.id if ada.thread else "", Result("for both"))
        assert await asyncio.gather(*asked) == ["for both", "for both"]


async def test_all_who_wait_hear_of_a_conversation_that_is_killed() -> None:
    keeper = Probe("keeper", Task, lambda *_: HandlerResponse.defer(within=100))
    async with talk(keeper, after(50, "worker")) as ada:
        asked = [ada.ask("keeper", Task("wait"))]
        await keeper.next()
        asked.append(ada.ask("worker", Task("x")))
        assert ada.thread is not None
        ada.organism.kill(ada.thread.id)
        assert await asyncio.gather(*asked) == [HandlerFailed, HandlerFailed]


async def test_a_message_that_nobody_waits_for_does_not_answer_those_who_do() -> None:
    worker = after(5, "worker", group="all")
    async with talk(worker, after(1, "other")) as ada:
        asked = ada.ask("worker", Task("a"))
        await worker.next()
        assert ada.thread is not None
        body = codec_of(Task).to_xml(Task("b"))
        await ada.organism.inject(envelope_bytes(body, "ada", "other", ada.thread.id), "ada")
        assert await asked == "worker: a"


async def test_of_a_broadcast_from_outside_the_first_answer_is_the_answer() -> None:
    async with talk(after(2, "one", group="all"), after(1, "two", group="all")) as ada:
        assert await ada.ask("all", Task("x")) == "two: x"
