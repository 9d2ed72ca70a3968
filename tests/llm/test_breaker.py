"""A circuit that opens where a backend is down, and tries by itself whether it is back."""

from __future__ import annotations

import asyncio

import pytest

from tests.llm.plays import ASKED, DOWN, Sequence
from xml_pipeline.llm.breaker import Breaker
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.llm.script import Reply

pytestmark = pytest.mark.virtual_clock


async def failed(breaker: Breaker, times: int = 1) -> ProviderError:
    """Ask that often in vain, and return the last error."""
    for _ in range(times):
        with pytest.raises(ProviderError) as failure:
            await breaker.complete(ASKED)
    return failure.value


async def test_five_failures_in_a_row_open_it_and_then_nobody_is_asked() -> None:
    provider = Sequence(*[DOWN] * 5)
    breaker = Breaker(provider)
    await failed(breaker, 4)
    assert breaker.state() == "closed"
    await failed(breaker)
    assert breaker.state() == "open"
    await asyncio.sleep(10)
    error = await failed(breaker)
    assert (error.passing, error.retry_after, len(provider.requests)) == (True, 20.0, 5)
    assert str(error) == "not asked: it failed 5 times in a row"


@pytest.mark.parametrize("reason", ["rate_limit", "auth", "invalid"])
async def test_an_answer_between_them_begins_the_count_anew(reason: str) -> None:
    other = Reply.model_validate({"error": reason})
    breaker = Breaker(Sequence(*[DOWN] * 4, "Yes.", *[DOWN] * 4, other, *[DOWN] * 4))
    await failed(breaker, 4)
    await breaker.complete(ASKED)
    await failed(breaker, 9)
    assert breaker.state() == "closed"


async def test_after_its_time_it_is_half_open_and_two_successes_close_it() -> None:
    breaker = Breaker(Sequence(*[DOWN] * 5, "One.", "Two.", DOWN))
    await failed(breaker, 5)
    await asyncio.sleep(30)
    assert breaker.state() == "half-open"
    await breaker.complete(ASKED)
    assert breaker.state() == "half-open"
    await breaker.complete(ASKED)
    assert breaker.state() == "closed"
    await failed(breaker)
    assert breaker.state() == "closed"


async def test_a_failure_while_it_is_half_open_opens_it_for_the_same_time_again() -> None:
    breaker = Breaker(Sequence(*[DOWN] * 5, "One.", DOWN, "One.", "Two."))
    await failed(breaker, 5)
    await asyncio.sleep(30)
    await breaker.complete(ASKED)
    await failed(breaker)
    assert breaker.state() == "open"
    await asyncio.sleep(30)
    await breaker.complete(ASKED)
    assert breaker.state() == "half-open"  # The success of before does not count.


async def test_one_request_at_a_time_tries_whether_it_is_back() -> None:
    breaker = Breaker(Sequence(*[DOWN] * 5, Reply(text="Slow.", delay=5.0), "Two."))
    await failed(breaker, 5)
    await asyncio.sleep(30)
    trial = asyncio.ensure_future(breaker.complete(ASKED))
    await asyncio.sleep(1)
    assert "another request tries" in str(await failed(breaker))
    await trial
    assert (await breaker.complete(ASKED)).message.text == "Two."


async def test_a_trial_that_is_cancelled_leaves_room_for_the_next_one() -> None:
    breaker = Breaker(Sequence(*[DOWN] * 5, Reply(delay=5.0), "One.", "Two."))
    await failed(breaker, 5)
    await asyncio.sleep(30)
    trial = asyncio.ensure_future(breaker.complete(ASKED))
    await asyncio.sleep(1)
    trial.cancel()
    await asyncio.wait([trial])
    await breaker.complete(ASKED)
    await breaker.complete(ASKED)
    assert breaker.state() == "closed"


async def test_what_was_asked_before_it_opened_changes_nothing_afterwards() -> None:
    late = [Reply(error="server", delay=20.0), Reply(text="Late.", delay=20.0)]
    breaker = Breaker(Sequence(*late, *[DOWN] * 5))
    calls = [asyncio.ensure_future(breaker.complete(ASKED)) for _ in late]
    await asyncio.sleep(1)
    await failed(breaker, 5)
    await asyncio.wait(calls)
    assert breaker.state() == "open"
    await asyncio.sleep(11)
    assert breaker.state() == "half-open"
    assert isinstance(calls[0].exception(), ProviderError)
