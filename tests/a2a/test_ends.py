"""Servers that stop, clients that are slow or many, and journals that cannot be had."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.a2a.house import BEARER, TOKEN, Visitor, message, visited, visiting
from tests.a2a.tck import FILE
from tests.faults.ailing import Ailing
from tests.mcp.everything import Greet, greet
from xml_pipeline import Listener, Organism
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.config.sections import ServerConfig
from xml_pipeline.events import AgentState
from xml_pipeline.server import Bounds, serve

ORGANISM = FILE.replace("PAUSE", "")
LONG = message("Please", id="test-resubscribe-message-id")
INTERNAL, NOT_FOUND = -32603, -32001
GREETER = Listener("greeter", Greet, greet, description="Greets.", expose=("a2a",))


async def until_it_waits(visitor: Visitor, begin: Any) -> Any:
    """Begin something, and wait until a listener owes an answer."""
    async with visitor.organism.events() as events:
        begun = asyncio.create_task(begin)
        async for event in events:
            if isinstance(event, AgentState) and event.state == "waiting":
                return begun
    raise AssertionError("nobody waits")


@pytest.mark.parametrize("method", ["SendMessage", "SendStreamingMessage"])
async def test_whoever_waits_is_let_go_when_the_server_stops(tmp_path: Path, method: str) -> None:
    async def wait(visitor: Visitor) -> list[dict[str, Any]]:
        if method == "SendMessage":
            return [await visitor.ask("/a2a", method, message=LONG)]
        return [piece async for piece in visitor.stream("/a2a", method, message=LONG)]

    (tmp_path / "organism.yaml").write_text(ORGANISM, encoding="utf-8")
    async with (
        httpx.AsyncClient(headers=BEARER, timeout=30) as http,
        Organism.load(tmp_path / "organism.yaml", tmp_path / "journal.db") as organism,
    ):
        async with serve(organism, ServerConfig(port=0), TOKEN) as address:
            http.base_url = httpx.URL(address.url)
            visitor = Visitor(http, organism, address.url)
            waiting = await until_it_waits(visitor, wait(visitor))
        pieces = await waiting
    last = pieces[-1].get("task") or pieces[-1]["statusUpdate"]
    assert last["status"]["state"] == "TASK_STATE_WORKING"


async def test_a_client_waits_no_longer_than_the_server_has_patience(tmp_path: Path) -> None:
    async with visiting(tmp_path, ORGANISM, bounds=Bounds(wait=0.01)) as visitor:
        task = (await visitor.ask("/a2a", "SendMessage", message=LONG))["task"]
        assert task["status"]["state"] in ("TASK_STATE_SUBMITTED", "TASK_STATE_WORKING")


async def test_there_is_an_end_to_those_who_watch(tmp_path: Path) -> None:
    async with visiting(tmp_path, ORGANISM, bounds=Bounds(streams=0)) as visitor:
        said = await visitor.call("/a2a", "SendStreamingMessage", message=LONG)
        assert said["error"]["code"] == INTERNAL
        assert "Too many" in said["error"]["message"]
        assert visitor.organism.kernel.threads.conversations == 0


@pytest.mark.parametrize("few", [Bounds(conversations=2), Bounds(history_bytes=1000)])
async def test_the_oldest_tasks_that_have_ended_are_forgotten(few: Bounds) -> None:
    async with Organism([GREETER]) as organism, visited(organism, few) as visitor:
        ids = []
        for number in range(4):
            said = message(f"Ada {number}")
            ids.append((await visitor.ask("/a2a", "SendMessage", message=said))["task"]["id"])
        assert await visitor.refused("/a2a", "GetTask", id=ids[0]) == NOT_FOUND
        assert (await visitor.ask("/a2a", "GetTask", id=ids[-1]))["id"] == ids[-1]


async def test_what_is_forgotten_is_read_from_the_journal_again() -> None:
    backend = MemoryBackend()
    async with (
        Organism([GREETER], backend=backend) as organism,
        visited(organism, Bounds(conversations=1, keys=1)) as visitor,
    ):
        first = (await visitor.ask("/a2a", "SendMessage", message=message("Ada")))["task"]
        await visitor.ask("/a2a", "SendMessage", message=message("Bob"))
        again = await visitor.ask("/a2a", "GetTask", id=first["id"])
        assert again["status"] == first["status"]
        said = message("Eve", contextId=first["contextId"])
        other = (await visitor.ask("/a2a", "SendMessage", message=said))["task"]
        assert other["contextId"] == first["contextId"]
        assert len((await visitor.ask("/a2a", "ListTasks"))["tasks"]) == 3


async def test_a_journal_that_cannot_be_read_is_told_of_in_neutral_words() -> None:
    backend = Ailing(MemoryBackend())
    async with Organism([GREETER], backend=backend) as organism, visited(organism) as visitor:
        await visitor.ask("/a2a", "SendMessage", message=message("Ada"))
        backend.marked = backend.marks = backend.cannot  # type: ignore[assignment]
        for method, params in (("GetTask", {"id": "x"}), ("ListTasks", {})):
            said = await visitor.call("/a2a", method, **params)
            assert said["error"]["code"] == INTERNAL
            assert "journal cannot be reached" in said["error"]["message"]
            assert "does not answer" not in str(said)


async def test_while_nothing_can_be_written_nothing_is_taken_in() -> None:
    backend = Ailing(MemoryBackend())
    async with Organism([GREETER], backend=backend) as organism, visited(organism) as visitor:
        backend.ill = True
        said = await visitor.call("/a2a", "SendMessage", message=message("Ada"))
        assert said["error"]["code"] == INTERNAL
        assert "written down" in said["error"]["message"]
        backend.ill = False
