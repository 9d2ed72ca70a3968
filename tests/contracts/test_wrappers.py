"""What every provider that wraps a provider leaves as it is."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.contracts.wrappers import WRAPPERS, Wrapper
from xml_pipeline.errors import BudgetExhausted
from xml_pipeline.llm.base import (
    Completion,
    Delta,
    Hear,
    Request,
    TextDelta,
    ThinkingDelta,
    Usage,
    deltas,
    said,
    unheard,
)
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.llm.script import Call, Reply
from xml_pipeline.testing import ScriptedProvider

pytestmark = pytest.mark.virtual_clock

ASKED = Request("m", (said("user", "Well?"),))
REPLY = Reply(
    thinking="Let me see.",
    text="It is so.",
    calls=(Call(name="look", arguments={"at": ["it"]}),),
    usage=Usage(5, 7, reasoning=2),
)


class Ears:
    """A provider that records whether it is heard, what it was asked, and that it was closed."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.heard: list[bool] = []
        self.is_closed = False

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        self.asked.append(request)
        self.heard.append(hear is not unheard)
        return Completion(said("assistant", "Yes."), Usage(1, 1), model="m")

    async def aclose(self) -> None:
        self.is_closed = True


class Broke:
    """A budget with nothing in it."""

    def reserve(self, tokens: int = 0, usd: float = 0.0) -> None:
        raise BudgetExhausted("nothing left", code="budget")


@pytest.fixture(params=WRAPPERS, ids=lambda each: each.name)
def wrapper(request: pytest.FixtureRequest) -> Wrapper:
    """Give each of the wrappers."""
    found: Wrapper = request.param
    return found


async def test_an_answer_comes_back_as_it_is(wrapper: Wrapper) -> None:
    scripted = ScriptedProvider(REPLY)
    assert await wrapper.around(scripted).complete(ASKED) == await scripted.complete(ASKED)


async def test_what_is_heard_is_the_answer_said_once(wrapper: Wrapper) -> None:
    heard: list[Delta] = []
    await wrapper.around(ScriptedProvider(REPLY)).complete(ASKED, heard.append)
    thoughts = [each.text for each in heard if isinstance(each, ThinkingDelta)]
    words = [each.text for each in heard if isinstance(each, TextDelta)]
    assert ("".join(thoughts), "".join(words)) == (REPLY.thinking, REPLY.text)
    assert len(heard) == len(thoughts) + len(words)


async def test_whom_nobody_hears_knows_it(wrapper: Wrapper) -> None:
    ears = Ears()
    provider = wrapper.around(ears)
    await provider.complete(ASKED)
    heard: list[Delta] = []
    await provider.complete(ASKED, heard.append)
    assert ears.heard == [False, True]


async def test_the_request_is_passed_on_whole(wrapper: Wrapper) -> None:
    ears = Ears()
    request = replace(ASKED, system="Be brief.", max_tokens=9, temperature=0.5, effort="low")
    await wrapper.around(ears).complete(request)
    assert ears.asked == [request]


@pytest.mark.parametrize("reason", ["auth", "invalid", "overflow", "unknown"])
async def test_an_error_that_stays_is_passed_on_with_what_it_took(
    wrapper: Wrapper, reason: str
) -> None:
    reply = Reply.model_validate({"text": "No", "error": reason, "usage": {"input": 3}})
    with pytest.raises(ProviderError) as failure:
        await wrapper.around(ScriptedProvider(reply)).complete(ASKED)
    assert (failure.value.reason, failure.value.usage) == (reason, Usage(3))
    assert asyncio.get_running_loop().time() == 0.0


async def test_a_budget_that_is_spent_ends_it_at_once(wrapper: Wrapper) -> None:
    def pay(request: Request) -> str:
        assert request.spending is not None
        request.spending.reserve(1)
        return "Paid."

    request = replace(ASKED, spending=Broke())  # type: ignore[arg-type]  # it gives nothing back
    with pytest.raises(BudgetExhausted):
        await wrapper.around(ScriptedProvider(pay)).complete(request)


async def test_a_call_that_is_cancelled_ends_and_the_next_one_is_answered(
    wrapper: Wrapper,
) -> None:
    slow = Reply(when="slow", text="Late.", delay=1_000.0)
    provider = wrapper.around(ScriptedProvider(slow, "Soon."))
    for _ in range(6):
        call = asyncio.ensure_future(provider.complete(Request("m", (said("user", "slow"),))))
        await asyncio.sleep(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert (await provider.complete(ASKED)).message.text == "Soon."
    assert asyncio.get_running_loop().time() < 1_000.0


async def test_whoever_stops_reading_stops_the_call(wrapper: Wrapper) -> None:
    stopped = asyncio.Event()

    class Endless(Ears):
        async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
            try:
                hear(TextDelta("and "))
                await asyncio.sleep(1_000_000)
            finally:
                stopped.set()
            return await super().complete(request, hear)

    stream = deltas(wrapper.around(Endless()), ASKED)
    async for delta in stream:
        assert delta == TextDelta("and ")
        break
    await stream.aclose()  # type: ignore[attr-defined]  # it is a generator
    await stopped.wait()


async def test_closing_it_closes_what_it_wraps(wrapper: Wrapper) -> None:
    ears = Ears()
    await wrapper.around(ears).aclose()
    assert ears.is_closed
