"""Sequences: each step gets what the one before it answered, and nothing is left afterwards."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.primitives.parts import (
    TEXTS,
    Count,
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
from xml_pipeline.errors import NoReply, Timeout
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.payload import RawPayload
from xml_pipeline.primitives import SequenceComplete, SequenceError, SequenceRequest, SequenceStart
from xml_pipeline.steps.seal import envelope_bytes
from xml_pipeline.testing import Probe, memory_organism, respond

NAMES = ("a", "b", "c", "d")


async def test_each_step_gets_what_the_one_before_it_answered() -> None:
    async with memory_organism(adder("a"), adder("b"), adder("c")) as organism:
        start = SequenceStart(" b,a , c", words(""), sequence_id="mine")
        done = await organism.ask("system.sequence", start)
        assert done == SequenceComplete("mine", words("bac"), 3)
        await assert_nothing_is_left(organism)


@settings(max_examples=25)
@given(steps=st.lists(st.sampled_from(NAMES), min_size=1, max_size=12))
async def test_the_steps_run_in_the_order_given_however_often_each_is_named(
    steps: list[str],
) -> None:
    async with memory_organism(*map(adder, NAMES)) as organism:
        start = SequenceStart(",".join(steps), words(">"))
        done = await organism.ask("system.sequence", start)
        assert done.final_result == words(">" + "".join(steps))
        assert done.step_count == len(steps)
        await assert_nothing_is_left(organism)


@settings(max_examples=50)
@given(TEXTS)
async def test_no_text_is_changed_on_its_way(text: str) -> None:
    async with memory_organism(Probe("a", Word, lambda word, _: respond(word))) as organism:
        done = await organism.ask("system.sequence", SequenceStart("a,a", words(text)))
    assert done.final_result == words(text)


async def test_an_answer_goes_on_as_it_is_whatever_it_is() -> None:
    odd = b'<Odd b="2"><x xmlns="urn:x">1 &lt; 2&#xD;</x></Odd>'
    first = Probe("first", Word, lambda *_: respond(odd))
    second = Probe("second", RawPayload, lambda raw, _: respond(raw.xml))
    async with memory_organism(first, second) as organism:
        start = SequenceStart("first,second", words("x"))
        done = await organism.ask("system.sequence", start)
    assert second.payloads[0].xml == odd
    assert done.final_result == odd.decode()


async def test_an_answer_that_looks_like_a_request_to_the_primitive_is_an_answer() -> None:
    like = SequenceStart("a", words("x"), sequence_id="like")
    first = Probe("first", Word, lambda *_: respond(like))
    second = Probe("second", SequenceStart, lambda *_: respond(Word("done")))
    async with memory_organism(first, second) as organism:
        done = await organism.ask("system.sequence", SequenceStart("first,second", words("x")))
    assert second.payloads == [like]
    assert done.final_result == words("done")


async def test_a_sequence_without_an_id_is_given_one_of_eight_hexadecimal_digits() -> None:
    async with memory_organism(adder("a")) as organism:
        ids = {
            (await organism.ask("system.sequence", SequenceStart("a", words("x")))).sequence_id
            for _ in range(3)
        }
    assert len(ids) == 3
    assert all(len(each) == 8 and int(each, 16) >= 0 for each in ids)


async def test_a_long_sequence_is_not_a_deep_one() -> None:
    async with memory_organism(adder("a"), budget={"hops": 5}) as organism:
        start = SequenceStart(",".join(["a"] * 60), words(""))
        done = await organism.ask("system.sequence", start)
    assert done.final_result == words("a" * 60)


async def test_sequences_side_by_side_do_not_mix() -> None:
    async with memory_organism(adder("a"), adder("b")) as organism:
        starts = (SequenceStart("a,b", words(str(at)), sequence_id=str(at)) for at in range(30))
        done = await asyncio.gather(*(organism.ask("system.sequence", each) for each in starts))
        assert [each.final_result for each in done] == [words(f"{at}ab") for at in range(30)]
        await assert_nothing_is_left(organism)


@pytest.mark.parametrize(
    ("start", "failed", "index", "about"),
    [
        (SequenceStart("", words("x")), "", 0, "no steps"),
        (SequenceStart(" , ,", words("x")), "", 0, "no steps"),
        (SequenceStart("a,nobody,b", words("x")), "nobody", 1, "cannot be addressed"),
        (SequenceStart("a," + "n" * 500, words("x")), "n" * 500, 1, "n" * 150),
        (SequenceStart("a,system.sequence", words("x")), "system.sequence", 1, "addressed"),
        (SequenceStart("a", words("x"), return_to="nobody"), "nobody", 1, "addressed"),
        (SequenceStart("a,b", "no XML"), "a", 0, "text outside"),
        (SequenceStart("a,b", words("x", "y")), "a", 0, "one XML element"),
        (SequenceStart("a,b", ""), "a", 0, "one XML element"),
        (SequenceStart("a,b", "<Word>"), "a", 0, "not well-formed"),
        (SequenceStart("a,b", "<Word><text>x</text>"), "a", 0, "not well-formed"),
    ],
)
async def test_a_sequence_that_cannot_begin_says_where_and_why(
    start: SequenceStart, failed: str, index: int, about: str
) -> None:
    first = adder("a")
    async with memory_organism(first, adder("b")) as organism:
        error = await organism.ask("system.sequence", start)
        await assert_nothing_is_left(organism)
    assert isinstance(error, SequenceError)
    assert (error.failed_step, error.step_index) == (failed, index)
    assert about in error.error
    assert len(error.error) <= 200
    assert not first.seen


@pytest.mark.parametrize(
    ("bad", "about"),
    [
        (broken("b"), "could not handle"),
        (silent("b"), "b ended without an answer"),
        (Probe("b", Count), "could not be delivered"),
        (Probe("b", Word, lambda *_: respond(b"<SystemError/>")), "could not be delivered"),
    ],
)
async def test_a_step_that_fails_ends_the_sequence(bad: Probe, about: str) -> None:
    last = adder("c")
    async with memory_organism(adder("a"), bad, last) as organism:
        error = await organism.ask("system.sequence", SequenceStart("a,b,c", words("x")))
        await assert_nothing_is_left(organism)
    assert (error.failed_step, error.step_index) == ("b", 1)
    assert about in error.error
    assert "details" not in error.error
    assert not last.seen


async def test_an_error_of_a_sequence_within_a_sequence_is_told_in_its_own_words() -> None:
    inner = SequenceRequest("a,nobody", words("x"))
    outer = SequenceStart("system.sequence.factory", xml(inner))
    ask = asker("system.sequence", outer)
    async with memory_organism(ask, adder("a")) as organism:
        error = await heard(ask, organism)
        await assert_nothing_is_left(organism)
    assert error.failed_step == "system.sequence.factory"
    assert error.error == "'nobody' cannot be addressed: check whom you may address"


async def test_an_element_that_only_has_the_name_of_an_error_is_an_answer() -> None:
    own = b"<SequenceError><mine></mine></SequenceError>"
    step = Probe("a", Word, lambda *_: respond(own))
    async with memory_organism(step) as organism:
        done = await organism.ask("system.sequence", SequenceStart("a", words("x")))
    assert done.final_result == own.decode()


async def test_the_result_goes_to_return_to_and_its_answer_to_whoever_asked() -> None:
    sink = Probe("sink", SequenceComplete, lambda *_: respond(Word("filed")))
    ask = asker("system.sequence", SequenceStart("a", words("x"), "sink", "id"))
    async with memory_organism(ask, adder("a"), sink) as organism:
        answer = await heard(ask, organism)
        await assert_nothing_is_left(organism)
    assert sink.payloads == [SequenceComplete("id", words("xa"), 1)]
    assert answer == RawPayload("Word", words("filed").encode())


async def test_a_return_to_that_says_nothing_ends_the_sequence_quietly() -> None:
    sink = Probe("sink", SequenceComplete)
    async with memory_organism(adder("a"), sink) as organism:
        with pytest.raises(NoReply):
            await organism.ask("system.sequence", SequenceStart("a", words("x"), "sink"))
        await assert_nothing_is_left(organism)
    assert len(sink.seen) == 1


async def test_a_return_to_that_fails_is_named_like_a_step() -> None:
    async with memory_organism(adder("a"), adder("sink")) as organism:
        error = await organism.ask("system.sequence", SequenceStart("a", words("x"), "sink"))
    assert (error.failed_step, error.step_index) == ("sink", 1)


async def test_a_result_returned_to_the_requester_is_the_plain_answer() -> None:
    ask = asker("system.sequence", SequenceStart("a", words("x"), "asker", "id"))
    async with memory_organism(ask, adder("a")) as organism:
        assert await heard(ask, organism) == SequenceComplete("id", words("xa"), 1)
    assert len(ask.seen) == 2


async def test_whoever_sends_a_sequence_something_else_is_told_what_it_begins_with() -> None:
    async with memory_organism() as organism:
        for name, first in (("", "SequenceStart"), (".factory", "SequenceRequest")):
            error = await organism.ask(f"system.sequence{name}", Word("x"))
            assert error == SequenceError("", "", 0, f"it begins with <{first}>")


async def test_what_a_sequence_does_not_wait_for_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    released = asyncio.Event()

    async def wait(word: Word, metadata: HandlerMetadata) -> HandlerResponse:
        await released.wait()
        return respond(word)

    step = Probe("a", Word, wait)
    async with memory_organism(step) as organism:
        asked = asyncio.ensure_future(
            organism.ask("system.sequence", SequenceStart("a", words("x"), sequence_id="one"))
        )
        conversation = (await step.next()).metadata.conversation_id
        for further in (xml(SequenceStart("a", words("y"))), words("z")):
            raw = envelope_bytes(further.encode(), "outside", "system.sequence", conversation)
            assert await organism.inject(raw) == conversation
        await asyncio.sleep(0)
        released.set()
        assert await asked == SequenceComplete("one", words("x"), 1)
        await assert_nothing_is_left(organism)
    assert [each.text for each in step.payloads] == ["x"]
    left_out = [each.getMessage() for each in caplog.records if "left out" in each.getMessage()]
    assert ["SequenceStart" in left_out[0], "Word" in left_out[1]] == [True, True]


async def test_a_killed_sequence_takes_its_step_with_it() -> None:
    cancelled = asyncio.Event()

    async def wait(word: Word, metadata: HandlerMetadata) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    step = Probe("a", Word, wait)
    async with memory_organism(step) as organism:
        thread = await organism.send("system.sequence", SequenceStart("a", words("x")))
        await step.next()
        organism.kill(thread)
        await cancelled.wait()
        await assert_nothing_is_left(organism)


@pytest.mark.virtual_clock
async def test_whoever_stops_waiting_for_a_sequence_stops_it() -> None:
    async with memory_organism(Probe("a", Word, lambda *_: HandlerResponse.defer(60))) as organism:
        with pytest.raises(Timeout):
            await organism.ask("system.sequence", SequenceStart("a", words("x")), timeout=5.0)
        await assert_nothing_is_left(organism)
