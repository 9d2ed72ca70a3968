"""Todos: reminders on the thread of whoever asked for them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.primitives.parts import (
    ANSWERS,
    Go,
    Word,
    adder,
    asker,
    assert_nothing_is_left,
    heard,
)
from xml_pipeline.errors import HandlerFailed, NoReply
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.primitives import TodoClosed, TodoComplete, TodoRegistered, TodoUntil
from xml_pipeline.system import ThreadEnded
from xml_pipeline.testing import Probe, memory_organism, respond


class Diligent:
    """An agent that notes a todo, asks for a word, and closes the todo it is nudged about."""

    def __init__(self, until: TodoUntil) -> None:
        self.until = until
        self.nudges: list[str] = []
        self.probe = Probe("agent", (Go, Word, *ANSWERS), self._react, peers=("*",))

    def _react(self, payload: Any, metadata: HandlerMetadata) -> Any:
        self.nudges.append(metadata.todo_nudge)
        match payload:
            case Go():
                return HandlerResponse(self.until, to="system.todo")
            case TodoRegistered(id):
                metadata.state["todo"] = id
                return HandlerResponse(Word("x"), to="a")
            case Word():
                todo = TodoComplete(metadata.state["todo"])
                return HandlerResponse(todo, to="system.todo-complete")
        return respond(payload)


@pytest.mark.parametrize(
    ("until", "raised"),
    [
        (TodoUntil("word", description="the word of a"), True),
        (TodoUntil("WOR", "a", "the word of a"), True),
        (TodoUntil("word", "b", "the word of b"), False),
        (TodoUntil("sentence"), False),
    ],
)
async def test_a_todo_nudges_once_what_was_waited_for_has_come(
    until: TodoUntil, raised: bool
) -> None:
    agent = Diligent(until)
    async with memory_organism(agent.probe, adder("a")) as organism:
        closed = await organism.ask("agent", Go())
        await assert_nothing_is_left(organism)
    registered = agent.probe.payloads[1]
    assert registered == TodoRegistered(
        registered.id, until.wait_for, until.from_listener, until.description
    )
    assert closed == TodoClosed(registered.id, raised)
    assert agent.nudges[:2] == ["", ""]
    assert (registered.id in agent.nudges[2], until.description in agent.nudges[2]) == (
        raised,
        raised or not until.description,
    )
    assert agent.nudges[3] == ""


async def test_an_unknown_todo_is_answered_with_nothing() -> None:
    agent = asker("system.todo-complete", TodoComplete("unknown"))
    async with memory_organism(agent) as organism:
        ended = await heard(agent, organism)
        await assert_nothing_is_left(organism)
    assert isinstance(ended, ThreadEnded)


async def test_nobody_closes_the_todo_of_another_thread() -> None:
    def keep(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        match payload:
            case Go():
                return HandlerResponse(TodoUntil("word"), to="system.todo")
            case TodoRegistered(id):
                metadata.state["todo"] = id
                return HandlerResponse(Word(id), to="thief")
            case Word():
                todo = TodoComplete(metadata.state["todo"])
                return HandlerResponse(todo, to="system.todo-complete")
        return respond(payload)

    def steal(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        if isinstance(payload, Word):
            return HandlerResponse(TodoComplete(payload.text), to="system.todo-complete")
        return respond(Word(type(payload).__name__))

    keeper = Probe("keeper", (Go, Word, *ANSWERS), keep, peers=("*",))
    thief = Probe("thief", (Word, *ANSWERS), steal, peers=("*",))
    async with memory_organism(keeper, thief) as organism:
        closed = await organism.ask("keeper", Go())
        await assert_nothing_is_left(organism)
    assert keeper.payloads[2] == Word("ThreadEnded")
    assert closed == TodoClosed(thief.payloads[0].text, was_raised=True)


async def test_a_todo_ends_with_its_thread() -> None:
    agent = asker("system.todo", TodoUntil("word"))
    async with memory_organism(agent) as organism:
        assert isinstance(await heard(agent, organism), TodoRegistered)
        await assert_nothing_is_left(organism)


async def test_somebody_outside_has_no_thread_that_a_todo_could_be_on() -> None:
    async with memory_organism() as organism:
        with pytest.raises(HandlerFailed):
            await organism.ask("system.todo", TodoUntil("word"))
        with pytest.raises(NoReply):
            await organism.ask("system.todo-complete", TodoComplete("x"))
        await assert_nothing_is_left(organism)
