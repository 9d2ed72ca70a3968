"""Tasks of conversations that another node holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.a2a.house import BEARER, TOKEN, Visitor, message, texts
from tests.faults.together import Together, Town
from tests.faults.two_nodes import Host, half_each
from xml_pipeline import Organism
from xml_pipeline.server import application

pytestmark = pytest.mark.virtual_clock

HELLO, BYE = {"Greeting": {"name": "Ada"}}, {"Farewell": {"name": "Ada"}}
NO_WAIT: Any = {"returnImmediately": True}


@dataclass(frozen=True, slots=True)
class Node:
    visitor: Visitor
    store: Together
    host: Host

    @property
    def organism(self) -> Organism:
        return self.visitor.organism

    async def begin(self) -> dict[str, Any]:
        sent = await self.visitor.ask(
            "/a2a", "SendMessage", message=message(HELLO), configuration=NO_WAIT
        )
        await self.organism.drain()
        task: dict[str, Any] = sent["task"]
        return task


@asynccontextmanager
async def living_in(town: Town) -> AsyncIterator[Node]:
    store, host = Together(town), Host("a2a")
    async with Organism([host.listener], backend=store) as organism:
        app = application(organism, token=TOKEN)
        async with httpx.AsyncClient(
            base_url="http://localhost", headers=BEARER, transport=httpx.ASGITransport(app)
        ) as http:
            yield Node(Visitor(http, organism, "http://localhost"), store, host)
        app.state.desk.close()


def two_nodes() -> AbstractAsyncContextManager[tuple[Node, Node]]:
    return half_each(living_in)


async def test_a_task_is_shown_listed_and_cancelled_by_any_node() -> None:
    async with two_nodes() as (one, other):
        task = await one.begin()
        shown = await other.visitor.ask("/a2a", "GetTask", id=task["id"])
        assert shown["status"]["state"] == "TASK_STATE_WORKING"
        listed = await other.visitor.ask("/a2a", "ListTasks")
        assert [each["id"] for each in listed["tasks"]] == [task["id"]]
        gone = await other.visitor.ask("/a2a", "CancelTask", id=task["id"])
        assert gone["status"]["state"] == "TASK_STATE_CANCELED"
        again = await one.visitor.ask("/a2a", "GetTask", id=task["id"])
        assert again["status"]["state"] == "TASK_STATE_CANCELED"


async def test_a_context_goes_on_at_the_node_that_holds_it() -> None:
    async with two_nodes() as (one, other):
        task = await one.begin()
        said = message(BYE, contextId=task["contextId"], id="m2")
        done = (await other.visitor.ask("/a2a", "SendMessage", message=said))["task"]
        assert done["contextId"] == task["contextId"]
        assert texts(done["artifacts"][0]["parts"]) == ["Goodbye, Ada!"]
        assert [each.partition(" ")[0] for each in one.host.heard] == ["Greeting", "Farewell"]
        assert other.host.heard == []
