"""Squads: each has its own to do, all share a blackboard, and nobody begins in vain."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.primitives.parts import (
    ANSWERS,
    Word,
    adder,
    asker,
    assert_nothing_is_left,
    broken,
    heard,
    silent,
    words,
    xml,
)
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.payload import RawPayload
from xml_pipeline.primitives import (
    BlackboardError,
    BlackboardRead,
    BlackboardText,
    BlackboardWrite,
    SequenceError,
    SequenceStart,
    SquadComplete,
    SquadError,
    SquadMember,
    SquadResult,
    SquadStart,
)
from xml_pipeline.system import SystemError
from xml_pipeline.testing import Probe, memory_organism, respond

BOARD = "system.blackboard"


def squad(*members: tuple[str, str]) -> SquadStart:
    """Return a request for a squad of these members, each with its word."""
    return SquadStart(tuple(SquadMember(name, words(text)) for name, text in members))


async def test_each_member_gets_its_own_and_the_results_come_in_their_order() -> None:
    first_may_answer = asyncio.Event()

    async def late(word: Word, metadata: HandlerMetadata) -> HandlerResponse:
        await first_may_answer.wait()
        return respond(Word(f"{word.text} late"))

    def early(word: Word, metadata: HandlerMetadata) -> HandlerResponse:
        first_may_answer.set()
        return respond(Word(f"{word.text} early"))

    crew = (Probe("late", Word, late), Probe("early", Word, early))
    async with memory_organism(*crew) as organism:
        complete = await organism.ask("system.squad", squad(("late", "a"), ("early", "b")))
        await assert_nothing_is_left(organism)
    assert complete == SquadComplete(
        (
            SquadResult("late", success=True, result=words("a late")),
            SquadResult("early", success=True, result=words("b early")),
        )
    )


async def test_whoever_fails_or_is_silent_is_told_of_among_the_others() -> None:
    crew = (adder("well"), broken("ill"), silent("mute"))
    start = squad(("ill", "a"), ("well", "b"), ("mute", "c"))
    async with memory_organism(*crew) as organism:
        complete = await organism.ask("system.squad", start)
        await assert_nothing_is_left(organism)
    ill, well, mute = complete.results
    assert [each.success for each in complete.results] == [False, True, False]
    assert "could not handle" in ill.result
    assert "details" not in ill.result
    assert well.result == words("bwell")
    assert mute.result == "mute ended without an answer"


async def test_the_failure_of_a_squad_is_a_failure_of_what_it_is_a_step_of() -> None:
    start = xml(squad(("well", "a"), ("well", "b")))
    probe = asker("system.sequence", SequenceStart("system.squad", start))
    async with memory_organism(probe, adder("well")) as organism:
        error = await heard(probe, organism)
    assert isinstance(error, SequenceError)
    assert error.error == "'well' is a member twice"


@pytest.mark.parametrize(
    ("start", "why"),
    [
        (squad(("well", "a"), ("well", "b")), "'well' is a member twice"),
        (squad(("well", "a"), ("nobody", "b")), "'nobody' cannot be addressed"),
        (squad(("well", "a"), ("forbidden", "b")), "'forbidden' cannot be addressed"),
        (squad(("well", "a"), ("system.squad", "b")), "'system.squad' cannot be addressed"),
        (
            SquadStart((SquadMember("well", words("a")), SquadMember("other", "no XML"))),
            "what is for 'other': ",
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
async def test_nobody_begins_where_not_everybody_can(start: SquadStart, why: str) -> None:
    well = adder("well")
    probe = asker("system.squad", start, peers=("system.squad", "well", "other"))
    crew = (probe, well, adder("other"), adder("forbidden"))
    async with memory_organism(*crew) as organism:
        error = await heard(probe, organism)
        await assert_nothing_is_left(organism)
    assert isinstance(error, SquadError)
    assert error.error.startswith(why)
    assert well.payloads == []


async def test_a_squad_of_one_is_none() -> None:
    well = adder("well")
    probe = asker("system.squad", squad(("well", "a")))
    async with memory_organism(probe, well) as organism:
        error = await heard(probe, organism)
    assert isinstance(error, SystemError)
    assert error.code == "validation"
    assert well.payloads == []


async def test_a_squad_begins_with_its_request() -> None:
    async with memory_organism() as organism:
        error = await organism.ask("system.squad", Word("hello"))
    assert error == SquadError("it begins with <SquadStart>")


async def test_a_second_answer_of_a_member_changes_nothing() -> None:
    def twice(word: Word, metadata: HandlerMetadata) -> list[HandlerResponse]:
        return [HandlerResponse.acknowledge(Word("first")), respond(Word("second"))]

    def slow(word: Any, metadata: HandlerMetadata) -> Any:
        again = metadata.state["again"] = metadata.state.get("again", 0) + 1
        return respond(word) if again > 5 else HandlerResponse(word, to="slow")

    crew = (Probe("twice", Word, twice), Probe("slow", Word, slow))
    async with memory_organism(*crew) as organism:
        complete = await organism.ask("system.squad", squad(("twice", "a"), ("slow", "b")))
    assert [each.result for each in complete.results] == [words("first"), words("b")]


async def test_results_that_nobody_could_read_are_an_error() -> None:
    def long(word: Word, metadata: HandlerMetadata) -> HandlerResponse:
        return respond(Word("x" * 4_500_000))

    crew = (Probe("a", Word, long), Probe("b", Word, long))
    async with memory_organism(*crew) as organism:
        error = await organism.ask("system.squad", squad(("a", ""), ("b", "")))
    assert isinstance(error, SquadError)
    assert "more than 8000000" in error.error


async def test_the_members_share_a_blackboard_and_neither_their_caller_nor_others_see_it() -> None:
    """Two squads at once, of the same members; the reader waits until the writer has written."""
    read = list[str]()
    written = {"one": asyncio.Event(), "two": asyncio.Event()}
    hears = (Word, BlackboardText, BlackboardError, *ANSWERS, RawPayload)

    async def write(payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, Word):
            metadata.state["which"] = payload.text
            return HandlerResponse(BlackboardWrite("found", payload.text), to=BOARD)
        written[metadata.state["which"]].set()
        return respond(Word(payload.text))

    async def look(payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, Word):
            await asyncio.gather(*(each.wait() for each in written.values()))
            return HandlerResponse(BlackboardRead("found"), to=BOARD)
        return respond(Word(payload.text))

    def lead(payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, Word):
            both = (squad(("writer", each), ("reader", each)) for each in written)
            return [HandlerResponse(each, to="system.squad") for each in both]
        if isinstance(payload, SquadComplete):
            read.append(payload.results[1].result)
            return HandlerResponse(BlackboardRead("found"), to=BOARD) if len(read) == 2 else None
        return respond(Word(payload.text))

    crew = (
        Probe("writer", hears, write, peers=(BOARD,)),
        Probe("reader", hears, look, peers=(BOARD,)),
        Probe("lead", hears, lead, peers=("writer", "reader", "system.squad", BOARD)),
    )
    async with memory_organism(*crew) as organism:
        outside = await organism.ask("lead", Word("go"))
        await assert_nothing_is_left(organism)
        assert len(organism.kernel.blackboards) == 0
    assert sorted(read) == [words("one"), words("two")]
    assert outside.text == "There is nothing on the blackboard under 'found'."
