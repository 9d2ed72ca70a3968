"""Cheaper models first: whose answers will do, what is heard, and what they all took."""

from __future__ import annotations

import pytest

from tests.llm.plays import ASKED, DOWN, Sequence
from xml_pipeline.llm.base import (
    Completion,
    Delta,
    Escalated,
    Provider,
    Restarted,
    Retrying,
    TextDelta,
    Usage,
    said,
)
from xml_pipeline.llm.cascade import Cascade, Gate, Tier
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.llm.retry import Retry
from xml_pipeline.llm.script import Answered, Call, Reply

GOOD = "The capital of France is Paris."
CALLS = Reply(calls=(Call(name="look"),))


def cascade(*tiers: Answered | Provider, gate: Gate | None = None) -> Cascade:
    """Return a cascade of the tiers 1, 2, …, each with one answer."""
    providers = [
        Sequence(each) if isinstance(each, Reply | Completion | str) else each for each in tiers
    ]
    labels = (str(number + 1) for number in range(len(tiers)))
    return Cascade(list(map(Tier, labels, providers)), gate or Gate())


@pytest.mark.parametrize(
    "text",
    [
        "I don't know what that is.",
        "I don\N{RIGHT SINGLE QUOTATION MARK}t know what that is.",
        "I'm not sure, to be honest.",
        "Well, I cannot say anything about it.",
        "Sadly I can't do that for you.",
        "I am unable to do that for you.",
        "Unable to find that anywhere at all.",
        "That is beyond my capabilities, alas.",
        "I apologize, but that is too much.",
        "I apologise but that is too much.",
    ],
)
async def test_an_answer_that_says_nothing_is_escalated(text: str) -> None:
    completion = await cascade(text, GOOD).complete(ASKED)
    assert (completion.message.text, completion.model) == (GOOD, "2")


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "Nothing that you cannot divide by zero is a zero.",
        "The unable seaman apologised for the delay.",
    ],
)
async def test_an_answer_that_says_something_is_taken(text: str) -> None:
    completion = await cascade(text, "Never said.").complete(ASKED)
    assert (completion.message.text, completion.model) == (text, "1")


@pytest.mark.parametrize(
    ("answer", "strict", "lax"),
    [
        (Reply(text=GOOD, stop="max_tokens"), Gate(), Gate(escalate_on_max_tokens=False)),
        (Reply(text="Paris."), Gate(min_output_tokens=50), Gate(min_output_tokens=1)),
        (CALLS, Gate(accept_tool_calls=False), Gate(min_output_tokens=500)),
    ],
)
async def test_the_gate_is_as_strict_as_it_is_told(answer: Reply, strict: Gate, lax: Gate) -> None:
    assert (await cascade(answer, GOOD, gate=strict).complete(ASKED)).model == "2"
    assert (await cascade(answer, GOOD, gate=lax).complete(ASKED)).model == "1"


async def test_the_last_tier_says_what_it_likes() -> None:
    completion = await cascade("No.", "No.", "I don't know.").complete(ASKED)
    assert (completion.message.text, completion.model) == ("I don't know.", "3")


async def test_a_tier_that_fails_is_passed_over_and_its_reason_told() -> None:
    heard: list[Delta] = []
    completion = await cascade(
        Reply(text="No.", usage=Usage(1, 2)), Reply(error="auth"), GOOD
    ).complete(ASKED, heard.append)
    assert completion.model == "3"
    assert heard[0] == Escalated("1", "2", "its answer has 2 tokens")
    assert heard[1] == Escalated("2", "3", "the script says auth")


async def test_when_all_fail_the_last_error_is_raised_with_the_tokens_of_all() -> None:
    one, two = Reply(error="auth", usage=Usage(1)), Reply(error="overflow", usage=Usage(2))
    with pytest.raises(ProviderError) as failure:
        await cascade(one, two).complete(ASKED)
    assert (failure.value.reason, failure.value.usage) == ("overflow", Usage(3))


async def test_answers_that_were_rejected_are_paid_for_too() -> None:
    # runtime.md, weakness 17: rejected cascade tiers were not fully costed.
    no, yes = said("assistant", "No."), said("assistant", GOOD)
    rejected, accepted = (
        Completion(no, Usage(10, 1), usd=0.25),
        Completion(yes, Usage(10, 9), usd=1),
    )
    completion = await cascade(rejected, accepted).complete(ASKED)
    assert (completion.usage, completion.usd) == (Usage(20, 10), 1.25)
    unknown = Completion(no, Usage(10, 1), usd=None)
    assert (await cascade(unknown, accepted).complete(ASKED)).usd is None


async def test_only_what_is_accepted_is_heard_and_once() -> None:
    heard: list[Delta] = []
    await cascade("I am not sure about it.", GOOD, "Never.").complete(ASKED, heard.append)
    assert heard == [Escalated("1", "2", 'it says "I am not sure"'), TextDelta(GOOD)]


async def test_the_last_tier_is_heard_word_by_word() -> None:
    heard: list[Delta] = []
    await cascade("No.", "So it is.").complete(ASKED, heard.append)
    assert heard[1:] == [*map(TextDelta, ("So", " it", " is."))]


@pytest.mark.virtual_clock
async def test_retries_of_a_cheaper_model_are_told() -> None:
    heard: list[Delta] = []
    retry = Retry(Sequence(Reply(text="Half", error="network"), DOWN, GOOD))
    await cascade(retry, "Never.").complete(ASKED, heard.append)
    assert [type(each) for each in heard] == [Retrying, Retrying, TextDelta]
    assert Restarted not in map(type, heard)
