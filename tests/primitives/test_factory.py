"""The sequence factory: what does not fit together does not begin."""

from __future__ import annotations

from typing import Any

import pytest

from tests.primitives.parts import (
    Count,
    Word,
    adder,
    asker,
    assert_nothing_is_left,
    heard,
    words,
    xml,
)
from xml_pipeline.payload import RawPayload
from xml_pipeline.primitives import (
    BufferComplete,
    BufferError,
    SequenceComplete,
    SequenceError,
    SequenceRequest,
)
from xml_pipeline.testing import Probe, memory_organism, respond


def counter(**options: Any) -> Probe:
    """Answer a word with its length."""
    return Probe("counter", Word, lambda word, _: respond(Count(len(word.text))), **options)


def anything(**options: Any) -> Probe:
    """Answer whatever comes with the same."""
    return Probe("anything", RawPayload, lambda raw, _: respond(raw.xml), **options)


def sink() -> Probe:
    return Probe("sink", SequenceComplete, lambda *_: respond(Word("filed")))


async def ask(request: SequenceRequest, *steps: Probe) -> Any:
    async with memory_organism(*steps) as organism:
        answer = await organism.ask("system.sequence.factory", request)
        await assert_nothing_is_left(organism)
    return answer


async def test_steps_that_fit_run() -> None:
    steps = (adder("a", output=Word), counter(output=Count))
    done = await ask(SequenceRequest("a,counter", words("x"), sequence_id="id"), *steps)
    assert done == SequenceComplete("id", xml(Count(2)), 2)


@pytest.mark.parametrize(
    ("request_", "failed", "index", "why"),
    [
        (
            SequenceRequest("a,counter,a", words("x")),
            "a",
            2,
            "a does not accept <Count>: the output of counter",
        ),
        (
            SequenceRequest("counter,a", xml(Count(1))),
            "counter",
            0,
            "counter does not accept <Count>: the payload",
        ),
        (
            SequenceRequest("a", words("x"), return_to="counter"),
            "counter",
            1,
            "counter does not accept <SequenceComplete>: the result",
        ),
        (
            SequenceRequest("a,nobody", words("x")),
            "nobody",
            1,
            "'nobody' cannot be addressed: check whom you may address",
        ),
    ],
)
async def test_a_step_that_does_not_fit_is_named_before_anything_runs(
    request_: SequenceRequest, failed: str, index: int, why: str
) -> None:
    steps = (adder("a", output=Word), counter(output=Count))
    error = await ask(request_, *steps)
    assert error == SequenceError(error.sequence_id, failed, index, why)
    assert not any(step.seen for step in steps)


async def test_every_declared_output_has_to_fit() -> None:
    first, last = adder("a", output=(Word, Count)), adder("b")
    error = await ask(SequenceRequest("a,b", words("x")), first, last)
    assert error.error == "b does not accept <Count>: the output of a"


@pytest.mark.parametrize("output", [None, RawPayload, (Count, RawPayload)])
async def test_what_a_step_does_not_declare_is_checked_when_it_comes(output: Any) -> None:
    steps = (counter(output=output), adder("a"))
    error = await ask(SequenceRequest("counter,a", words("x")), *steps)
    assert (error.failed_step, error.step_index) == ("a", 1)
    assert steps[0].seen


async def test_a_step_that_takes_anything_fits_everywhere() -> None:
    steps = (counter(output=Count), anything())
    done = await ask(SequenceRequest("anything,counter,anything", words("x")), *steps)
    assert done.final_result == xml(Count(1))


async def test_an_output_that_ends_the_sequence_needs_to_fit_nobody() -> None:
    first = adder("a", output=(Word, SequenceError, BufferError))
    done = await ask(SequenceRequest("a,b", words("x")), first, adder("b"))
    assert done.final_result == words("xab")


async def test_a_return_to_that_takes_the_result_gets_it() -> None:
    filed = await ask(SequenceRequest("a", words("x"), return_to="sink"), adder("a"), sink())
    assert filed == RawPayload("Word", words("filed").encode())


async def test_the_primitives_themselves_declare_what_they_answer_with() -> None:
    """A buffer answers BufferComplete, so a step that wants a word cannot follow it."""
    request = SequenceRequest("system.buffer,a", "<BufferStart/>")
    agent = asker("system.sequence.factory", request)
    async with memory_organism(agent, adder("a")) as organism:
        error = await heard(agent, organism)
    assert (
        error.error == f"a does not accept <{BufferComplete.__name__}>: the output of system.buffer"
    )
