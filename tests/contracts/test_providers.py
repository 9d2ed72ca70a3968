"""What every provider keeps to, whatever it asks."""

from __future__ import annotations

import asyncio

import pytest

from tests.contracts.providers import KINDS, Kind
from xml_pipeline.llm.base import (
    Completion,
    Delta,
    Message,
    Request,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    Usage,
    deltas,
    said,
)
from xml_pipeline.llm.errors import PASSING, ProviderError, Reason

HELLO = Request("m", (said("user", "Hello"),))
WORDS = Completion(said("assistant", "Good day,\n Ünïcödé 🙂!"), Usage(12, 7), model="m")
CALLS = Completion(
    Message(
        "assistant",
        (
            Text("Let me look."),
            ToolCall("a", "search", {"query": "weather 🌦", "limits": {"most": 3}}),
            ToolCall("b", "clock", {}),
        ),
    ),
    Usage(20, 9),
    "tool_use",
    "m",
)
THOUGHT = Completion(
    Message("assistant", (Thinking("First this, then that."), Text("That."))),
    Usage(5, 6),
    model="m",
)
CUT = Completion(said("assistant", "As I was about to"), Usage(5, 4), "max_tokens", "m")
CACHED = Completion(said("assistant", "Yes."), Usage(3, 2, cache_read=40), model="m")

pytestmark = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
completions = pytest.mark.parametrize(
    "told", [WORDS, CALLS, THOUGHT, CUT, CACHED], ids=["words", "calls", "thought", "cut", "cached"]
)
reasons = pytest.mark.parametrize(
    "reason", ["auth", "rate_limit", "server", "network", "overflow", "invalid"]
)


@completions
async def test_what_is_said_comes_back_whole(kind: Kind, told: Completion) -> None:
    async with kind.speaking(told) as provider:
        assert await provider.complete(HELLO) == told


@completions
async def test_who_hears_gets_the_same_completion(kind: Kind, told: Completion) -> None:
    heard: list[Delta] = []
    async with kind.speaking(told) as provider:
        assert await provider.complete(HELLO, heard.append) == told
    assert "".join(each.text for each in heard if isinstance(each, TextDelta)) == told.message.text
    thoughts = [each.text for each in told.message.blocks if isinstance(each, Thinking)]
    heard_thoughts = [each.text for each in heard if isinstance(each, ThinkingDelta)]
    assert "".join(heard_thoughts) == "".join(thoughts)


@reasons
async def test_a_failure_says_why_and_whether_it_may_pass(kind: Kind, reason: Reason) -> None:
    async with kind.speaking(reason) as provider:
        with pytest.raises(ProviderError) as failure:
            await provider.complete(HELLO)
    assert (failure.value.reason, failure.value.passing) == (reason, reason in PASSING)


@reasons
async def test_who_hears_is_told_of_failures_too(kind: Kind, reason: Reason) -> None:
    async with kind.speaking(reason) as provider:
        with pytest.raises(ProviderError) as failure:
            await provider.complete(HELLO, lambda _: None)
    assert failure.value.reason == reason


async def test_after_a_failure_it_can_be_asked_again(kind: Kind) -> None:
    async with kind.speaking("server", "network", WORDS) as provider:
        for _ in range(2):
            with pytest.raises(ProviderError):
                await provider.complete(HELLO)
        assert await provider.complete(HELLO) == WORDS


async def test_many_may_ask_at_once(kind: Kind) -> None:
    async with kind.speaking(*[WORDS] * 20) as provider:
        calls = [provider.complete(HELLO) for _ in range(20)]
        assert await asyncio.gather(*calls) == [WORDS] * 20


async def test_an_iterator_of_deltas_ends_with_the_completion(kind: Kind) -> None:
    async with kind.speaking(WORDS) as provider:
        *heard, last = [each async for each in deltas(provider, HELLO)]
    assert last == WORDS
    assert "".join(each.text for each in heard if isinstance(each, TextDelta)) == WORDS.message.text
