"""What every dispatcher does: in this process, in a pool, on workers elsewhere, in a sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from tests.dispatch import crafts
from tests.dispatch.crafts import Made, Order
from tests.dispatch.served import allowing, serving, spread
from tests.house.source import ROOT
from tests.services.redis_server import RedisServer
from xml_pipeline.config import OrganismConfig, SandboxConfig
from xml_pipeline.errors import BudgetExhausted, HandlerFailed, NoReply, Timeout, Undeliverable
from xml_pipeline.events import AgentState, Event, FaultEvent
from xml_pipeline.listener import Handler, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.payload import RawPayload
from xml_pipeline.sandbox import Sandbox
from xml_pipeline.system import SystemError, ThreadEnded
from xml_pipeline.testing import memory_organism
from xml_pipeline.tools.enclosed import sandbox_of
from xml_pipeline.tools.sandbox.offered import offered

Build = Callable[..., Organism]
"""Makes an organism of these listeners, whose dispatcher is the one under test."""


@dataclass(frozen=True, slots=True)
class Way:
    """One of the dispatchers: whether it is that of cpu-bound listeners, and organisms with it.

    With a ``sandbox`` it is that of listeners in one.
    """

    cpu_bound: bool
    organism_of: Build
    sandbox: Sandbox | None = None


def in_memory(*listeners: Listener) -> Organism:
    """Return an organism of these, with one process for those that compute."""
    return memory_organism(*listeners, process_pool={"workers": 1})


@pytest.fixture(scope="module")
def elsewhere(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a Redis that a worker has come to."""
    file = allowing(tmp_path_factory.mktemp("worker"))
    with serving(redis.url, "--processes", "1", file=file):
        yield redis.url


def sandbox() -> Sandbox:
    """Return a sandbox in which the handlers of tests can be imported."""
    if offered().best is None:
        pytest.skip(f"nothing encloses processes here: {offered().reasons}")
    config = SandboxConfig(readable=(str(ROOT),))
    return sandbox_of(config, OrganismConfig(), ROOT)


@pytest.fixture(params=["local", "pooled", "elsewhere", "sandboxed"])
def way(request: pytest.FixtureRequest) -> Way:
    """Give each of the dispatchers."""
    if request.param == "sandboxed":
        return Way(False, in_memory, sandbox())
    if request.param == "elsewhere":
        return Way(True, partial(spread, request.getfixturevalue("elsewhere")))
    return Way(request.param == "pooled", in_memory)


def listener(
    handler: Handler, way: Way, *accepts: type, name: str = "one", output: type | None = Made
) -> Listener:
    """Return a listener that works here or in a process."""
    return Listener(
        name,
        accepts or (Order,),
        handler,
        description="Works.",
        cpu_bound=way.cpu_bound,
        sandbox=way.sandbox,
        output=output,
        peers=("helper",),
    )


async def test_an_answer_reaches_who_asked(way: Way) -> None:
    async with way.organism_of(listener(crafts.echo, way)) as organism:
        for text in ("plain", "<&>\r\n", "ünïcödé \U0001f600", ""):
            assert await organism.ask("one", Order(text, "x")) == Made(f"{text} x".strip())


async def test_a_denial_keeps_its_words_and_what_else_is_known_of_it_stays_in_the_log(
    way: Way,
) -> None:
    async with way.organism_of(listener(crafts.deny, way)) as organism:
        with pytest.raises(Undeliverable) as denied:
            await organism.ask("one", Order("go", "not on a Sunday"))
    assert str(denied.value) == "Denied: not on a Sunday"
    assert denied.value.code == "routing"


async def test_a_reply_comes_back_with_its_key_and_the_state(way: Way) -> None:
    asking = listener(crafts.relay, way, Order, Made)
    helper = listener(crafts.echo, Way(False, in_memory), name="helper")
    async with way.organism_of(asking, helper) as organism:
        answer = await organism.ask("one", Order("say", "it"))
    assert answer == Made("first helper say [1, 2.5, None, b'\\x00'] say say it")


async def test_a_generator_may_call_itself_and_remembers(way: Way) -> None:
    async with way.organism_of(listener(crafts.count, way)) as organism:
        assert await organism.ask("one", Order("count")) == Made("3 True 2")


async def test_any_payload_reaches_a_listener_that_takes_all(way: Way) -> None:
    taker = listener(crafts.take_raw, way, RawPayload)
    async with way.organism_of(taker) as organism:
        answer = await organism.ask("one", Order("<a/>"))
    assert answer == Made("Order <Order><what>&lt;a/&gt;</what><about></about></Order>")


async def test_any_payload_may_be_answered_with_as_it_came(way: Way) -> None:
    returner = listener(crafts.return_raw, way, RawPayload, output=Order)
    async with way.organism_of(returner) as organism:
        assert await organism.ask("one", Order("<a/>")) == Order("<a/>")


async def test_text_is_repaired_and_read(way: Way) -> None:
    async with way.organism_of(listener(crafts.say, way)) as organism:
        assert await organism.ask("one", Order("text")) == Made("text & more")


async def test_an_answer_may_set_out_later(way: Way) -> None:
    async with way.organism_of(listener(crafts.say, way)) as organism:
        assert await organism.ask("one", Order("later")) == Made("later")


async def test_what_is_said_after_the_answer_is_dropped(way: Way) -> None:
    async with way.organism_of(listener(crafts.say, way)) as organism:
        assert await organism.ask("one", Order("too late")) == Made("first")


async def test_a_deferred_answer_is_given_from_outside(way: Way) -> None:
    async with way.organism_of(listener(crafts.say, way)) as organism:
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
async def test_what_is_no_answer_is_told(way: Way, what: str, error: type[Exception]) -> None:
    async with way.organism_of(listener(crafts.say, way)) as organism:
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
    way: Way, what: str, error: type[Exception], detail: str
) -> None:
    seen: list[Event] = []
    async with way.organism_of(listener(crafts.craft, way)) as organism:
        organism.subscribe(seen.append)
        with pytest.raises(error) as caught:
            await organism.ask("one", Order(what, "out"))
        await organism.drain()
    assert "secret" not in str(caught.value)
    [fault] = [each for each in seen if isinstance(each, FaultEvent)]
    assert detail in fault.detail


async def test_a_budget_that_is_spent_ends_the_work(way: Way) -> None:
    async with way.organism_of(listener(crafts.craft, way)) as organism:
        with pytest.raises(BudgetExhausted):
            await organism.ask("one", Order("spend", "100000"))
        assert await organism.ask("one", Order("spend", "5")) == Made("spent")


@pytest.mark.parametrize(
    ("what", "heard"), [("raise", "handler False"), ("nothing", "helper said nothing")]
)
async def test_a_listener_hears_how_what_it_asked_for_failed(
    way: Way, what: str, heard: str
) -> None:
    handler = crafts.say if what == "nothing" else crafts.craft
    asking = listener(crafts.listen, way, Order, SystemError, ThreadEnded)
    helper = listener(handler, way, name="helper")
    async with way.organism_of(asking, helper) as organism:
        assert await organism.ask("one", Order(what)) == Made(heard)
