"""Blackboards: shared by those who work at one task, and by nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.primitives.parts import ANSWERS, TEXTS, Go, Word, assert_nothing_is_left
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.errors import HandlerFailed, Rejected
from xml_pipeline.events import Events
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.organism import Organism
from xml_pipeline.primitives import (
    BlackboardError,
    BlackboardList,
    BlackboardRead,
    BlackboardText,
    BlackboardWrite,
)
from xml_pipeline.registries.blackboards import Blackboards
from xml_pipeline.registries.threads import Threads
from xml_pipeline.testing import Probe, memory_organism, respond

HEARS = (Go, Word, BlackboardText, BlackboardError, *ANSWERS)
BOARD = "system.blackboard"


def writer(*requests: object, name: str = "writer", **options: Any) -> Probe:
    """Return a listener that does this with the blackboard, and answers with what it heard last."""

    def react(payload: Any, metadata: HandlerMetadata) -> Any:
        done = metadata.state["done"] = metadata.state.get("done", -1) + 1
        if done < len(requests):
            return HandlerResponse(requests[done], to=BOARD)
        return respond(Word(getattr(payload, "text", getattr(payload, "error", ""))))

    return Probe(name, HEARS, react, peers=(BOARD,), **options)


async def said(*requests: object) -> str:
    async with memory_organism(writer(*requests)) as organism:
        word = await organism.ask("writer", Go())
        await assert_nothing_is_left(organism)
        assert len(organism.kernel.blackboards) == 0
    return str(word.text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        ("", ""),
        ({"b": [1, None], "a": True}, '{\n  "b": [\n    1,\n    null\n  ],\n  "a": true\n}'),
        (7, "7"),
        ("7", "7"),
        ("Grüße", "Grüße"),
    ],
)
async def test_texts_are_read_as_they_are_and_all_else_as_json(value: Any, text: str) -> None:
    assert await said(BlackboardWrite("k", value), BlackboardRead("k")) == text


async def test_what_is_not_there_is_said_and_no_error() -> None:
    assert await said(BlackboardRead("k")) == "There is nothing on the blackboard under 'k'."
    assert await said(BlackboardList()) == "There is nothing on the blackboard."


async def test_the_keys_are_listed_in_their_order() -> None:
    writes = [BlackboardWrite(each, 1) for each in ("b", "c", "a", "b")]
    assert await said(*writes, BlackboardList()) == "a\nb\nc"


async def test_what_cannot_be_read_is_not_written() -> None:
    assert "text" in await said(BlackboardWrite("k", "\x00"))
    assert await said(BlackboardWrite("k", "\x00"), BlackboardList()) != "k"


async def test_a_blackboard_holds_no_more_than_a_state_may() -> None:
    requests = (BlackboardWrite("k", "x" * 90), BlackboardWrite("l", "x" * 90))
    async with memory_organism(writer(*requests), limits={"state_bytes": 120}) as organism:
        word = await organism.ask("writer", Go())
    assert word.text == "the blackboard holds at most 120 bytes"


async def test_somebody_outside_has_no_blackboard() -> None:
    async with memory_organism() as organism:
        with pytest.raises(HandlerFailed):
            await organism.ask(BOARD, BlackboardList())
        await assert_nothing_is_left(organism)


def squad(name: str, first: Probe, second: Probe) -> Probe:
    """Return a squad of two, one after the other; it answers with what the second one says."""

    def react(payload: Any, metadata: HandlerMetadata) -> Any:
        state = metadata.state
        if isinstance(payload, Go):
            return HandlerResponse(Go(), to=first.listener.name)
        if "first" not in state:
            state["first"] = True
            return HandlerResponse(Go(), to=second.listener.name)
        if "word" not in state:
            state["word"] = payload.text
            note = BlackboardWrite(f"squad:{name}", payload.text, outer=True)
            return HandlerResponse(note, to=BOARD)
        return respond(Word(state["word"]))

    peers = (first.listener.name, second.listener.name, BOARD)
    return Probe(name, HEARS, react, peers=peers, opens_blackboard=True)


def squads() -> list[Probe]:
    """Return two squads, and an asker who asks both and then reads what there is for himself."""
    first = squad(
        "s1",
        writer(BlackboardWrite("one", 1), name="w1"),
        writer(BlackboardWrite("two", 2), BlackboardList(), name="w2"),
    )
    second = squad("s2", writer(name="w3"), writer(BlackboardList(), name="w4"))

    def react(payload: Any, metadata: HandlerMetadata) -> Any:
        steps = ["s1", "s2", BOARD]
        heard = metadata.state.setdefault("heard", [])
        if not isinstance(payload, Go):
            heard.append(payload.text)
        if len(heard) == len(steps):
            return respond(Word(" | ".join(heard)))
        to = steps[len(heard)]
        return HandlerResponse(BlackboardList() if to == BOARD else Go(), to=to)

    asker = Probe("asker", HEARS, react, peers=("*",))
    others = [
        writer(BlackboardWrite("one", 1), name="w1"),
        writer(BlackboardWrite("two", 2), BlackboardList(), name="w2"),
        writer(name="w3"),
        writer(BlackboardList(), name="w4"),
    ]
    return [asker, first, second, *others]


SEEN = "one\ntwo | There is nothing on the blackboard. | squad:s1\nsquad:s2"


async def test_two_squads_never_see_what_the_other_one_has_written() -> None:
    async with memory_organism(*squads()) as organism:
        word = await organism.ask("asker", Go())
        await assert_nothing_is_left(organism)
        assert len(organism.kernel.blackboards) == 0
    assert word.text == SEEN


async def test_a_blackboard_outlives_the_process_with_the_thread_that_it_belongs_to() -> None:
    def waits(payload: Any, metadata: HandlerMetadata) -> Any:
        state = metadata.state
        if isinstance(payload, Go) and not state:
            state["asked"] = True
            return HandlerResponse(BlackboardWrite("k", {"a": "ä"}), to=BOARD)
        if isinstance(payload, Go):
            return HandlerResponse(BlackboardRead("k"), to=BOARD)
        if state.pop("asked"):
            state["asked"] = False
            return HandlerResponse.defer(within=60.0)
        return respond(Word(payload.text))

    def organism() -> Organism:
        probe = Probe("waiter", HEARS, waits, peers=(BOARD,))
        probes.append(probe)
        return Organism([probe.listener], backend=backend)

    backend = MemoryBackend()
    probes: list[Probe] = []
    async with organism() as first:
        thread = await first.send("waiter", Go())
        await probes[0].next()
        await probes[0].next()
    async with organism() as second:
        kept = second.kernel.blackboards
        [root] = list(second.kernel.threads)
        assert root.id == thread
        assert kept.read(root, "k") == {"a": "ä"}
        kept.clear(root)
        assert kept.keys(root) == []
    async with organism() as third:
        assert third.kernel.blackboards.keys(next(iter(third.kernel.threads))) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.tuples(st.sampled_from("abc"), JSON), max_size=8))
def test_a_blackboard_has_what_was_written_last(writes: list[tuple[str, Any]]) -> None:
    threads = Threads(Events())
    boards = Blackboards(threads)
    thread, other = threads.root("somebody"), threads.root("somebody else")
    for key, value in writes:
        boards.write(thread, key, value)
    expected = dict(writes)
    assert boards.keys(thread) == sorted(expected)
    assert {key: boards.read(thread, key) for key in expected} == expected
    assert boards.keys(other) == []
    threads.close(thread, "completed")
    assert len(boards) == 0


def test_what_is_too_much_changes_nothing() -> None:
    threads = Threads(Events())
    boards = Blackboards(threads, most_bytes=10)
    thread = threads.root("somebody")
    boards.write(thread, "a", 1)
    with pytest.raises(Rejected):
        boards.write(thread, "b", "much too much")
    boards.write(thread, "a", "1234567")
    assert boards.keys(thread) == ["a"]
    with pytest.raises(KeyError):
        boards.read(thread, "b")
