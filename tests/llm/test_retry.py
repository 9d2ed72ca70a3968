"""Asking again: when, how often, after how long, and what is heard of it."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.llm.plays import ASKED, DOWN, Sequence
from tests.virtual_clock import VirtualClockLoop
from xml_pipeline.llm.base import Delta, Restarted, Retrying, TextDelta, Usage
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.llm.retry import Retry
from xml_pipeline.llm.script import Reply

pytestmark = pytest.mark.virtual_clock


def always() -> float:
    """Draw the highest number there is, almost."""
    return 1.0


async def delays(*answers: Reply | str, longest: float = 60.0, retries: int = 3) -> list[float]:
    """Return the seconds between the attempts at an answer, whatever comes of it."""
    heard: list[Delta] = []
    retry = Retry(Sequence(*answers), retries=retries, longest=longest, chance=always)
    try:
        await retry.complete(ASKED, heard.append)
    except ProviderError as error:
        heard.append(TextDelta(str(error)))
    found = [each.delay for each in heard if isinstance(each, Retrying)]
    assert asyncio.get_running_loop().time() == sum(found)
    return found


@pytest.mark.parametrize("reason", ["rate_limit", "server", "network"])
async def test_what_may_pass_is_tried_again(reason: str) -> None:
    failing = Reply.model_validate({"error": reason})
    provider = Sequence(failing, failing, "At last.")
    assert (await Retry(provider).complete(ASKED)).message.text == "At last."


async def test_delays_double_up_to_the_longest() -> None:
    assert await delays(*[DOWN] * 5, "Yes.", longest=5.0, retries=5) == [1, 2, 4, 5, 5]


async def test_the_delay_of_a_far_attempt_is_a_number() -> None:
    assert (await delays(*[DOWN] * 2_000, "Yes.", retries=2_000))[-1] == 60.0


async def test_no_retries_are_one_attempt() -> None:
    provider = Sequence(DOWN)
    with pytest.raises(ProviderError):
        await Retry(provider, retries=0).complete(ASKED)
    assert len(provider.requests) == 1


async def test_the_last_error_is_raised_with_what_all_attempts_took() -> None:
    failing = Reply(text="Half", error="server", usage=Usage(2, 1))
    with pytest.raises(ProviderError) as failure:
        await Retry(Sequence(*[failing] * 4)).complete(ASKED)
    assert failure.value.usage == Usage(8, 4)


async def test_an_answer_counts_the_attempts_before_it() -> None:
    failing = Reply(text="Half", error="network", usage=Usage(2, 1))
    completion = await Retry(Sequence(failing, Reply(text="All", usage=Usage(2, 3)))).complete(
        ASKED
    )
    assert completion.usage == Usage(4, 4)


async def test_whoever_is_told_when_to_come_again_comes_no_sooner_and_not_all_at_once() -> None:
    limited = Reply(error="rate_limit", retry_after=20.0)
    assert await delays(limited, "Yes.") == [21.0]
    retry = Retry(Sequence(limited, "Yes."), chance=lambda: 0.0)
    began = asyncio.get_running_loop().time()
    await retry.complete(ASKED)
    assert asyncio.get_running_loop().time() - began == 20.0


async def test_whoever_is_told_to_come_much_later_gives_up_and_says_when() -> None:
    with pytest.raises(ProviderError) as failure:
        await Retry(Sequence(Reply(error="rate_limit", retry_after=61.0))).complete(ASKED)
    assert failure.value.retry_after == 61.0
    assert asyncio.get_running_loop().time() == 0.0


async def test_a_stream_that_breaks_is_begun_again_and_nothing_is_lost_or_doubled() -> None:
    # runtime.md, weakness 16: Retry-After, jitter, 408 and 504 ignored; retried streams lose text.
    heard: list[Delta] = []
    provider = Sequence(Reply(text="To be", error="network"), DOWN, "To be or not")
    await Retry(provider, chance=always).complete(ASKED, heard.append)
    assert heard == [
        *map(TextDelta, ("To", " be")),
        Retrying(1, 4, 1.0, "the script says network"),
        Restarted("the script says network"),
        Retrying(2, 4, 2.0, "the script says server"),
        *map(TextDelta, ("To", " be", " or", " not")),
    ]


@given(st.lists(st.floats(0.0, 1.0, exclude_max=True), min_size=8, max_size=8))
def test_every_delay_is_a_part_of_what_it_might_be(chances: list[float]) -> None:
    drawn = iter(chances)
    heard: list[Delta] = []
    times: list[float] = []

    async def run() -> None:
        provider = Sequence(*[DOWN] * 8, "Yes.")
        retry = Retry(provider, retries=8, base=0.5, longest=8.0, chance=lambda: next(drawn))
        await retry.complete(ASKED, lambda delta: note(delta))

    def note(delta: Delta) -> None:
        heard.append(delta)
        times.append(asyncio.get_running_loop().time())

    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        runner.run(run())
    told = [each.delay for each in heard if isinstance(each, Retrying)]
    bounds = [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0]
    assert told == [chance * bound for chance, bound in zip(chances, bounds, strict=True)]
    waited = [after - before for before, after in pairwise(times[:8])]
    assert waited == pytest.approx(told[:7])
