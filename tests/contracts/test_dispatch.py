"""What every dispatcher does: in this process, and in processes of a pool."""

from __future__ import annotations

import asyncio

import pytest

from tests.dispatch import crafts
from tests.dispatch.crafts import Made, Order
from xml_pipeline.errors import BudgetExhausted, HandlerFailed, NoReply, Timeout, Undeliverable
from xml_pipeline.events import AgentState, Event, FaultEvent
from xml_pipeline.listener import Handler, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.payload import RawPayload
from xml_pipeline.system import SystemError, ThreadEnded
from xml_pipeline.testing import memory_organism

POOL = {"workers": 1}


@pytest.fixture(params=[False, True], ids=["local", "pooled"])
def cpu_bound(request: pytest.FixtureRequest) -> bool:
    """Give each of the dispatchers."""
    return bool(request.param)


def listener(
    handler: Handler, cpu_bound: bool, *accepts: type, name: str = "one", output: type | None = Made
) -> Listener:
    """Return a listener that works here or in a process."""
    return Listener(
        name,
        accepts or (Order,),
        handler,
        description="Works.",
        cpu_bound=cpu_bound,
        output=output,
        peers=("helper",),
    )


def organism_of(*listeners: Listener) -> Organism:
    """Return an organism of these, with one process for those that compute."""
    return memory_organism(*listeners, process_pool=POOL)


async def test_an_answer_reaches_who_asked(cpu_bound: bool) -> None:
    async with organism_of(listener(crafts.echo, cpu_bound)) as organism:
        for text in ("plain", "<&>\r\n", "ünïcödé \U0001f600", ""):
            assert await organism.ask("one", Order(text, "x")) == Made(f"{text} x".strip())


async def test_a_reply_comes_back_with_its_key_and_the_state(cpu_bound: bool) -> None:
    asking = listener(crafts.relay, cpu_bound, Order, Made)
    helper = listener(crafts.echo, False, name="helper")
    async with organism_of(asking, helper) as organism:
        answer = await organism.ask("one", Order("say", "it"))
    assert answer == Made("first helper say [1, 2.5, None, b'\\x00'] say say it")


async def test_a_generator_may_call_itself_and_remembers(cpu_bound: bool) -> None:
    async with organism_of(listener(crafts.count, cpu_bound)) as organism:
        assert await organism.ask("one", Order("count")) == Made("3 True 2")


async def test_any_payload_reaches_a_listener_that_takes_all(cpu_bound: bool) -> None:
    taker = listener(crafts.take_raw, cpu_bound, RawPayload)
    async with organism_of(taker) as organism:
        answer = await organism.ask("one", Order("<a/>"))
    assert answer == Made("Order <Order><what>&lt;a/&gt;</what><about></about></Order>")


async def test_any_payload_may_be_answered_with_as_it_came(cpu_bound: bool) -> None:
    returner = listener(crafts.return_raw, cpu_bound, RawPayload, output=Order)
    async with organism_of(returner) as organism:
        assert await organism.ask("one", Order("<a/>")) == Order("<a/>")


async def test_text_is_repaired_and_read(cpu_bound: bool) -> None:
    async with organism_of(listener(crafts.say, cpu_bound)) as organism:
        assert await organism.ask("one", Order("text")) == Made("text & more")


async def test_an_answer_may_set_out_later(cpu_bound: bool) -> None:
    async with organism_of(listener(crafts.say, cpu_bound)) as organism:
        assert await organism.ask("one", Order("later")) == Made("later")


async def test_what_is_said_after_the_answer_is_dropped(cpu_bound: bool) -> None:
    async with organism_of(listener(crafts.say, cpu_bound)) as organism:
        assert await organism.ask("one", Order("too late")) == Made("first")


async def test_a_deferred_answer_is_given_from_outside(cpu_bound: bool) -> None:
    async with organism_of(listener(crafts.say, cpu_bound)) as organism:
        events = organism.events()
        asking = asyncio.create_task(organism.ask("one", Order("somebody will")))
        async with events:
            async for event in events:
                if isinstance(event, AgentState) and event.state == "waiting":
                    break
        [thread] = organism.kernel.threads
        organism.answer(thread.id, Made("at last"))
        assert await asking == Made("at last")


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("nothing", NoReply),
        ("a number", HandlerFailed),
        ("what cannot be written", Undeliverable),
        ("no payload", Undeliverable),
        ("to nobody", Undeliverable),
        ("to a number", Undeliverable),
    ],
)
async def test_what_is_no_answer_is_told(
    cpu_bound: bool, what: str, error: type[Exception]
) -> None:
    async with organism_of(listener(crafts.say, cpu_bound)) as organism:
        with pytest.raises(error):
            await organism.ask("one", Order(what), timeout=30)
        await organism.drain()
        assert len(organism.kernel.threads) == 0
        assert organism.kernel.scheduler.running == 0


@pytest.mark.parametrize(
    ("what", "error", "detail"),
    [
        ("raise", HandlerFailed, "ValueError: the secret is out"),
        ("leave", HandlerFailed, "SystemExit: 1"),
        ("give up", HandlerFailed, "ancel"),
        ("be late", Timeout, "of its own"),
    ],
)
async def test_what_a_handler_raises_is_told_by_its_code_alone(
    cpu_bound: bool, what: str, error: type[Exception], detail: str
) -> None:
    seen: list[Event] = []
    async with organism_of(listener(crafts.craft, cpu_bound)) as organism:
        organism.subscribe(seen.append)
        with pytest.raises(error) as caught:
            await organism.ask("one", Order(what, "out"))
        await organism.drain()
    assert "secret" not in str(caught.value)
    [fault] = [each for each in seen if isinstance(each, FaultEvent)]
    assert detail in fault.detail


async def test_a_budget_that_is_spent_ends_the_work(cpu_bound: bool) -> None:
    async with organism_of(listener(crafts.craft, cpu_bound)) as organism:
        with pytest.raises(BudgetExhausted):
            await organism.ask("one", Order("spend", "100000"))
        assert await organism.ask("one", Order("spend", "5")) == Made("spent")


@pytest.mark.parametrize(
    ("what", "heard"), [("raise", "handler False"), ("nothing", "helper said nothing")]
)
async def test_a_listener_hears_how_what_it_asked_for_failed(
    cpu_bound: bool, what: str, heard: str
) -> None:
    handler = crafts.say if what == "nothing" else crafts.craft
    asking = listener(crafts.listen, cpu_bound, Order, SystemError, ThreadEnded)
    helper = listener(handler, cpu_bound, name="helper")
    async with organism_of(asking, helper) as organism:
        assert await organism.ask("one", Order(what)) == Made(heard)
