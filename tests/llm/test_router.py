"""Several backends for a model: whose turn it is, and what comes of one that fails."""

from __future__ import annotations

import pytest

from tests.llm.plays import ASKED, DOWN, Sequence
from xml_pipeline.llm.base import Delta, Request, Restarted, TextDelta, Usage
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.llm.router import Backend, Router, Strategy
from xml_pipeline.llm.script import Reply
from xml_pipeline.testing import ScriptedProvider


async def asked_in_turn(
    strategy: Strategy, times: int, loads: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> list[str]:
    """Return who answers, when each of three backends does; their priorities are 2, 1, 3."""

    def backend(name: str, priority: int, load: float) -> Backend:
        return Backend(name, ScriptedProvider(lambda _: name), priority, lambda: load)

    backends = map(backend, "abc", (2, 1, 3), loads)
    router = Router(list(backends), strategy)
    return [(await router.complete(ASKED)).message.text for _ in range(times)]


async def test_failover_asks_the_lowest_priority() -> None:
    assert await asked_in_turn("failover", 3) == ["b", "b", "b"]


async def test_round_robin_asks_one_after_the_other() -> None:
    assert await asked_in_turn("round-robin", 4) == ["b", "a", "c", "b"]


async def test_least_loaded_asks_who_is_least_busy_and_then_by_priority() -> None:
    assert await asked_in_turn("least-loaded", 1, (0.5, 0.7, 0.2)) == ["c"]
    assert await asked_in_turn("least-loaded", 1, (0.2, 0.7, 0.2)) == ["a"]


async def test_where_one_fails_the_next_untried_is_asked_at_once() -> None:
    first, second, third = Sequence(DOWN, DOWN), Sequence(DOWN, DOWN), Sequence(DOWN, "Here.")
    router = Router([Backend("a", first), Backend("b", second), Backend("c", third)])
    with pytest.raises(ProviderError):
        await router.complete(ASKED)
    assert (await router.complete(ASKED)).message.text == "Here."
    assert [len(each.requests) for each in (first, second, third)] == [2, 2, 2]


async def test_a_key_that_is_refused_is_no_reason_to_ask_nobody_else() -> None:
    router = Router([Backend("a", Sequence(Reply(error="auth"))), Backend("b", Sequence("Yes."))])
    assert (await router.complete(ASKED)).message.text == "Yes."


@pytest.mark.parametrize("reason", ["overflow", "invalid"])
async def test_what_is_wrong_with_the_request_is_asked_of_nobody_else(reason: str) -> None:
    other = Sequence("Never.")
    wrong = Sequence(Reply.model_validate({"error": reason}))
    with pytest.raises(ProviderError) as failure:
        await Router([Backend("a", wrong), Backend("b", other)]).complete(ASKED)
    assert (failure.value.reason, other.requests) == (reason, [])


async def test_a_model_that_one_backend_does_not_have_may_be_with_the_next() -> None:
    def lack(_: Request) -> str:
        raise ProviderError("invalid", "no such model", status=404)

    router = Router([Backend("a", ScriptedProvider(lack)), Backend("b", Sequence("Here."))])
    assert (await router.complete(ASKED)).message.text == "Here."


async def test_when_all_fail_the_error_is_the_one_that_passes_soonest() -> None:
    failing = (
        Reply(error="rate_limit", retry_after=9.0),
        Reply(error="rate_limit", retry_after=3.0, usage=Usage(1)),
        Reply(error="auth", usage=Usage(1)),
    )
    router = Router([Backend(str(each), Sequence(each)) for each in failing])
    with pytest.raises(ProviderError) as failure:
        await router.complete(ASKED)
    error = failure.value
    assert (error.reason, error.retry_after, error.usage) == ("rate_limit", 3.0, Usage(2))


async def test_what_was_heard_of_one_that_fails_is_taken_back() -> None:
    heard: list[Delta] = []
    broken = Sequence(Reply(text="Once", error="network", usage=Usage(1, 1)))
    other = Sequence(Reply(text="Twice", usage=Usage(1, 2)))
    completion = await Router([Backend("a", broken), Backend("b", other)]).complete(
        ASKED, heard.append
    )
    restarted = Restarted("the script says network; b is asked instead")
    assert heard == [TextDelta("Once"), restarted, TextDelta("Twice")]
    assert completion.usage == Usage(2, 3)
