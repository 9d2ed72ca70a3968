"""What a listener remembers: plain, small, and kept only if it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.flows.payloads import Number, Result, Task
from tests.flows.watching import Watch, settled
from xml_pipeline.errors import HandlerFailed
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.primitives import BufferComplete, BufferStart
from xml_pipeline.steps.rail import Inserts
from xml_pipeline.testing import Probe, memory_organism, respond


async def fails(state: dict[str, Any]) -> str:
    """Ask a listener that keeps this, and return what the log and the events say of it."""

    def keep(payload: Any, metadata: HandlerMetadata) -> Any:
        metadata.state.update(state)
        return [HandlerResponse(Number(1), to="keeper"), respond(Result("done"))]

    keeper = Probe("keeper", (Task, Number), keep)
    async with memory_organism(keeper, limits={"state_bytes": 1_000}) as organism:
        watch = Watch(organism)
        with pytest.raises(HandlerFailed) as caught:
            await organism.ask("keeper", Task("x"))
        await settled(organism)
    assert len(keeper.payloads) == 1
    [fault] = watch.faults
    assert (caught.value.code, caught.value.id) == (fault.code, fault.id) == ("handler", fault.id)
    assert "state" not in str(caught.value)
    return fault.detail


async def test_a_state_that_is_not_plain_fails_the_delivery_and_names_the_key() -> None:
    assert (await fails({"seen": {1}})).startswith("state['seen'] is or holds a set: keep ")


async def test_a_state_that_is_too_large_fails_the_delivery_and_names_the_key() -> None:
    assert "state['heap']" in await fails({"heap": "x" * 2_000})


async def test_the_listeners_of_the_system_have_limits_of_their_own() -> None:
    requester = Probe("requester", (Task, BufferComplete), order, peers=("system.buffer", "echo"))
    echo = Probe("echo", Task, lambda task, _: respond(Result(task.text)))
    async with memory_organism(requester, echo, limits={"state_bytes": 100}) as organism:
        answer = await organism.ask("requester", Task("x" * 200))
    assert answer.text.count("x" * 200) == 3


def order(payload: Any, metadata: HandlerMetadata) -> Any:
    """Buffer a task three times, and tell what came of it."""
    if isinstance(payload, Task):
        items = payload.to_xml().decode() * 3  # type: ignore[attr-defined]  # by @xmlify
        return HandlerResponse(BufferStart(target="echo", items=items), to="system.buffer")
    return respond(Result(payload.results))


async def test_a_limit_on_state_that_is_raised_while_running_holds_at_once() -> None:
    def keep(task: Task, metadata: HandlerMetadata) -> Any:
        metadata.state["text"] = task.text
        return respond(Result("kept"))

    keeper = Probe("keeper", Task, keep)
    async with memory_organism(keeper, limits={"state_bytes": 100}) as organism:
        with pytest.raises(HandlerFailed):
            await organism.ask("keeper", Task("x" * 200))
        limits = organism.config.limits.model_copy(update={"state_bytes": 300})
        config = organism.config.model_copy(update={"limits": limits})
        organism.reconfigure(config, organism.listeners, Inserts())
        assert await organism.ask("keeper", Task("x" * 200)) == Result("kept")
