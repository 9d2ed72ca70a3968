"""What is asked is paid for: set aside before, settled after, whatever comes of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.llm.plays import ASKED, DOWN, Account, Sequence
from xml_pipeline.config import PriceConfig
from xml_pipeline.errors import BudgetExhausted
from xml_pipeline.llm.base import Completion, Provider, Request, Usage, said
from xml_pipeline.llm.cascade import Cascade, Gate, Tier
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.llm.metered import Metered
from xml_pipeline.llm.prices import Tariff
from xml_pipeline.llm.retry import Retry
from xml_pipeline.llm.router import Backend, Router
from xml_pipeline.llm.script import Reply
from xml_pipeline.registries.budgets import Budget, BudgetLimits
from xml_pipeline.testing import ScriptedProvider
from xml_pipeline.thread import Conversation

DEAR = Tariff("scripted", {"any": PriceConfig(input=1_000_000, output=2_000_000)})
"""A dollar for a token that is read, two for one that is said."""


def metered(provider: Provider) -> Metered:
    return Metered(provider, DEAR)


def paid_by(account: Account | Budget) -> Request:
    return replace(ASKED, spending=account)


async def test_the_most_it_may_take_is_set_aside_and_written_before_it_is_asked() -> None:
    account = Account(1_000)

    def look(request: Request) -> Reply:
        assert (account.left, account.written) == (1_000 - 106, [106])
        return Reply(text="Yes.", usage=Usage(6, 4))

    completion = await metered(ScriptedProvider(look)).complete(paid_by(account))
    assert account.reserved == [(106, 206.0)]
    assert (account.left, account.spent, account.usd) == (990, 10, 14.0)
    assert (completion.usage, completion.usd) == (Usage(6, 4), 14.0)


async def test_what_the_budget_could_not_pay_is_not_asked() -> None:
    provider = Sequence("Never.")
    with pytest.raises(BudgetExhausted):
        await metered(provider).complete(paid_by(Account(105)))
    assert provider.requests == []


async def test_a_failure_costs_what_it_says() -> None:
    account = Account(1_000)
    failing = Reply(text="Half", error="network", usage=Usage(6, 1))
    with pytest.raises(ProviderError) as failure:
        await metered(Sequence(failing)).complete(paid_by(account))
    assert (account.left, account.spent, account.usd) == (993, 7, 8.0)
    assert failure.value.usd == 8.0


async def test_a_call_that_is_cancelled_has_been_read() -> None:
    account = Account(1_000)
    provider = metered(ScriptedProvider(Reply(text="Late.", delay=1_000.0)))
    call = asyncio.ensure_future(provider.complete(paid_by(account)))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (account.left, account.spent) == (994, 6)


async def test_tokens_that_a_provider_does_not_count_are_estimated() -> None:
    account = Account(1_000)
    uncounted = Completion(said("assistant", "four"))
    completion = await metered(ScriptedProvider(uncounted)).complete(paid_by(account))
    assert (completion.usage, account.spent) == (Usage(6, 1), 7)


async def test_without_a_budget_it_says_what_it_cost_all_the_same() -> None:
    completion = await metered(Sequence(Reply(usage=Usage(6, 4)))).complete(ASKED)
    assert completion.usd == 14.0


async def test_what_has_no_price_costs_nobody_knows_what() -> None:
    account = Account(1_000)
    unpriced = Metered(Sequence(Reply(usage=Usage(6, 4))), Tariff("scripted", {}))
    assert (await unpriced.complete(paid_by(account))).usd is None
    assert (account.spent, account.usd) == (10, 0.0)


@pytest.mark.virtual_clock
async def test_every_attempt_counts_whatever_wraps_it() -> None:
    # runtime.md, weakness 17: what retries, failovers and rejected answers took was not counted.
    account = Account(10_000)
    failing = Reply(text="Half", error="network", usage=Usage(6, 1))
    refusing = Reply(text="I don't know that.", usage=Usage(6, 5))
    cheap = Retry(metered(Sequence(failing, DOWN, refusing)))
    down = Backend("down", metered(Sequence(failing)))
    dear = Router([down, Backend("up", metered(Sequence(Reply(text="So.", usage=Usage(6, 2)))))])
    cascade = Cascade([Tier("cheap", cheap), Tier("dear", dear)], Gate())
    completion = await cascade.complete(paid_by(account))
    assert completion.usage == Usage(6 + 6 + 6 + 6, 1 + 5 + 1 + 2)
    assert (account.spent, account.usd) == (completion.usage.total, completion.usd)
    assert account.left == 10_000 - account.spent


@pytest.mark.virtual_clock
async def test_a_hundred_side_by_side_spend_no_more_than_there_is() -> None:
    budget = Budget(
        Conversation(1, "c1", "outside", ""), BudgetLimits(tokens=2_000), lambda *_: None
    )
    most = 0

    def look(_: Request) -> Reply:
        nonlocal most
        most = max(most, budget.spent_tokens + budget.reserved_tokens)
        return Reply(text="Yes.", delay=1.0, usage=Usage(6, 100))

    provider = metered(ScriptedProvider(look))
    calls = (provider.complete(paid_by(budget)) for _ in range(100))
    done = await asyncio.gather(*calls, return_exceptions=True)
    answered = [each for each in done if isinstance(each, Completion)]
    refused = [each for each in done if isinstance(each, BudgetExhausted)]
    assert (len(answered), len(refused)) == (2_000 // 106, 100 - 2_000 // 106)
    assert (budget.spent_tokens, budget.reserved_tokens) == (106 * len(answered), 0)
    assert most <= 2_000
