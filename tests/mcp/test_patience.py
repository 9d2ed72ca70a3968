"""For how long clients wait, and are waited for; on a clock that jumps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import Client, MCPError, types

from tests.mcp.everything import Greet, owe
from tests.mcp.shelf import Begin, introduce
from tests.mcp.tasking import Tasks, called, got
from xml_pipeline import Listener, Organism
from xml_pipeline.events import FaultEvent, ThreadEvent
from xml_pipeline.mcp.client import PATIENCE, ask_client
from xml_pipeline.mcp.payloads import Elicit, Elicited, ListRoots, Roots, Sample, Sampled
from xml_pipeline.server.bounds import Bounds
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.mcp.serving import Clients
from xml_pipeline.server.mcp.tasks import KEPT, LATE

pytestmark = pytest.mark.virtual_clock

LISTENERS = (
    Listener("client", (Elicit, Sample, ListRoots), ask_client, description="Who called."),
    Listener("owing", Greet, owe, description="Owes.", expose=("mcp",)),
    Listener("patient", Greet, owe, description="O.", expose=("mcp",), come_back="never"),
    Listener(
        "guest",
        (Begin, Elicited, Sampled, Roots),
        introduce,
        description="Asks.",
        expose=("mcp",),
        peers=("client",),
    ),
)


@asynccontextmanager
async def visiting(**more: Any) -> AsyncIterator[tuple[Organism, Client]]:
    """Give an organism, and a client of it in the same process, on the newer wire."""
    async with Organism(LISTENERS) as organism:
        desk = Desk(organism, "us", Bounds())
        async with Client(Clients(desk).server(), **more) as client:
            yield organism, client
        desk.close()


async def test_a_call_becomes_a_task_after_two_seconds_and_is_kept_for_an_hour() -> None:
    clock = asyncio.get_running_loop().time
    async with visiting(extensions=[Tasks()]) as (organism, client):
        before = clock()
        task = await called(client, "owing", name="Ada")
        assert clock() - before == pytest.approx(LATE)
        await asyncio.sleep(50)
        assert (await got(client, task["taskId"]))["status"] == "working"
        organism.answer(task["taskId"], Greet("Ada"))
        await asyncio.sleep(KEPT - 1)
        assert (await got(client, task["taskId"]))["status"] == "completed"
        await asyncio.sleep(2)
        with pytest.raises(MCPError, match="There is no such task"):
            await got(client, task["taskId"])


async def test_who_is_never_told_to_come_back_waits() -> None:
    async with (
        visiting(extensions=[Tasks()]) as (organism, client),
        organism.events() as events,
    ):
        calling = asyncio.create_task(called(client, "patient", name="Eve"))
        thread = await anext(each async for each in events if isinstance(each, ThreadEvent))
        await asyncio.sleep(50)
        organism.answer(thread.conversation_id, Greet("Eve"))
        assert (await calling)["content"][0]["text"] == "Eve"


async def test_a_call_whose_client_does_not_come_back_is_stopped() -> None:
    async def nobody(context: Any, params: Any) -> types.ElicitResult:
        raise AssertionError("it was sent away")

    async with (
        visiting(elicitation_callback=nobody) as (organism, client),
        organism.events() as events,
    ):
        left: Any = await client.session.call_tool("guest", {}, allow_input_required=True)
        await asyncio.sleep(PATIENCE + 1)
        with pytest.raises(MCPError, match="No call waits"):
            await client.session.call_tool("guest", {}, request_state=left.request_state)
        fault = await anext(each async for each in events if isinstance(each, FaultEvent))
        assert fault.code == "timeout"
