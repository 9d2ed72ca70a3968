"""Tokens per minute, and requests at one time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.llm.plays import ASKED, Sequence
from tests.virtual_clock import VirtualClockLoop
from xml_pipeline.llm.base import Usage
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.llm.limits import Limited, TokenBucket
from xml_pipeline.llm.script import Reply
from xml_pipeline.testing import ScriptedProvider

pytestmark = pytest.mark.virtual_clock


def now() -> float:
    return asyncio.get_running_loop().time()


def virtually(main: Coroutine[Any, Any, None]) -> None:
    """Run on a loop of its own whose timers cost no time."""
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        runner.run(main)


async def taken(bucket: TokenBucket, amount: int) -> float:
    """Return when that many tokens were there."""
    await bucket.take(amount)
    return now()


async def test_a_full_bucket_lets_a_minute_pass_at_once_and_then_fills_by_the_second() -> None:
    bucket = TokenBucket(60)
    assert [await taken(bucket, amount) for amount in (60, 1, 29)] == pytest.approx([0, 1, 30])


async def test_more_than_the_bucket_holds_waits_for_a_full_one_and_not_for_ever() -> None:
    # bus.md C25: a request above the bucket's capacity waited for ever.
    bucket = TokenBucket(60)
    assert [await taken(bucket, amount) for amount in (30, 150, 60)] == pytest.approx([0, 30, 180])


async def test_those_who_wait_are_served_in_the_order_in_which_they_came() -> None:
    bucket = TokenBucket(60)
    order: list[int] = []

    async def take(amount: int) -> None:
        await bucket.take(amount)
        order.append(amount)

    await asyncio.gather(*(take(amount) for amount in (60, 50, 1, 2)))
    assert order == [60, 50, 1, 2]


async def test_what_is_given_back_is_there_for_whoever_waits() -> None:
    bucket = TokenBucket(60)
    await bucket.take(60)
    waiting = asyncio.ensure_future(taken(bucket, 40))
    await asyncio.sleep(10)
    bucket.give_back(30)
    assert await waiting == pytest.approx(10)


async def test_whoever_stops_waiting_takes_nothing() -> None:
    bucket = TokenBucket(60)
    await bucket.take(60)
    waiting = asyncio.ensure_future(bucket.take(60))
    await asyncio.sleep(30)
    waiting.cancel()
    assert await taken(bucket, 30) == pytest.approx(30)


@given(
    per_minute=st.integers(1, 10**9),
    parts=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=12),
    unused=st.floats(0.0, 1.0),
)
def test_no_more_is_taken_than_was_there_and_came_but_for_one_that_is_too_large(
    per_minute: int, parts: list[float], unused: float
) -> None:
    amounts = [int(part * per_minute) for part in parts]

    async def main() -> None:
        bucket = TokenBucket(per_minute)
        used = 0.0
        for amount in amounts:
            await bucket.take(amount)
            came = per_minute * (1 + now() / 60)
            excess = max(0, amount - per_minute)
            assert used + amount <= came * (1 + 1e-6) + excess
            bucket.give_back(int(amount * unused))
            used += amount - int(amount * unused)

    virtually(main())


@given(per_minute=st.integers(1, 10**6), amounts=st.lists(st.integers(0, 10**6), max_size=12))
def test_everybody_has_their_turn_as_soon_as_the_rate_allows(
    per_minute: int, amounts: list[int]
) -> None:
    async def main() -> None:
        bucket = TokenBucket(per_minute)
        await asyncio.gather(*(bucket.take(amount) for amount in amounts))
        latest = 60 * sum(amounts) / per_minute
        assert now() <= latest * (1 + 1e-6) + 1e-6

    virtually(main())


async def test_only_so_many_are_asked_at_one_time() -> None:
    busy = most = 0

    async def main() -> None:
        provider = Limited(ScriptedProvider(count), per_minute=10**6, max_concurrent=3)
        await asyncio.gather(*(ask(provider) for _ in range(10)))

    def count(_: object) -> Reply:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        return Reply(text="Yes.", delay=10.0)

    async def ask(provider: Limited) -> None:
        nonlocal busy
        await provider.complete(ASKED)
        busy -= 1

    await main()
    assert (most, now()) == (3, 40.0)


async def test_the_load_counts_those_who_wait() -> None:
    provider = Limited(ScriptedProvider(Reply(delay=1.0)), per_minute=10**6, max_concurrent=2)
    calls = [asyncio.ensure_future(provider.complete(ASKED)) for _ in range(3)]
    await asyncio.sleep(0)
    assert provider.load() == 1.5
    await asyncio.gather(*calls)
    assert provider.load() == 0.0


async def test_a_request_is_taken_to_use_all_it_may_until_it_is_known_what_it_used() -> None:
    first = Reply(text="Yes.", delay=1.0, usage=Usage(6, 4))
    provider = Limited(Sequence(first, "No."), per_minute=120, max_concurrent=9)
    calls = asyncio.gather(provider.complete(ASKED), provider.complete(ASKED))
    await calls
    assert now() == pytest.approx(1.0)


async def test_what_was_used_beyond_that_is_taken_without_waiting() -> None:
    provider = Limited(
        Sequence(Reply(usage=Usage(6, 234)), "No."), per_minute=120, max_concurrent=9
    )
    await provider.complete(ASKED)
    assert now() == 0.0
    await provider.complete(ASKED)
    assert now() == pytest.approx((240 - 120 + 106) / 2)


async def test_a_request_that_fails_has_used_what_it_says() -> None:
    failing = Reply(error="server", usage=Usage(20))
    provider = Limited(Sequence(failing, "Yes."), per_minute=120, max_concurrent=9)
    with pytest.raises(ProviderError):
        await provider.complete(ASKED)
    await provider.complete(ASKED)
    assert now() == pytest.approx(3.0)  # 120 - 20 + 2 a second until there are 106
