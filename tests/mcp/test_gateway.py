"""A gateway: what the servers behind it say and tell reaches the clients in front."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, types
from mcp.server.subscriptions import ResourceUpdated

from tests.mcp.house import ROOT, STDIO, approve, organism, written
from tests.mcp.test_serving import FILE, ask_about, heard_by, set_level
from tests.mcp.visitors import TOKEN, connected, greeters
from xml_pipeline import Organism
from xml_pipeline.events import Event, MessageReceived, ToolLog
from xml_pipeline.mcp.payloads import McpResult, SubscribeResource, UnsubscribeResource
from xml_pipeline.server import serve
from xml_pipeline.tool_error import ToolError

WIRES = {"2025-11-25": "legacy", "2026-07-28": "auto"}
each_wire = pytest.mark.parametrize("wire", WIRES)


def folders(folder: Path) -> tuple[Path, Path]:
    front, behind = folder / "front", folder / "behind"
    front.mkdir()
    behind.mkdir()
    return front, behind


def over_http(url: str, wire: str, **more: Any) -> Mapping[str, Any]:
    """Return what a file says of a library behind it."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return {"url": f"{url}/mcp", "headers": headers, "protocol": wire, "expose": "mcp", **more}


@asynccontextmanager
async def in_front(folder: Path, library: Mapping[str, Any]) -> AsyncIterator[tuple[Organism, str]]:
    """Run an organism that passes a library on, and give its address."""
    file = written(folder, library=library)
    await approve(file)
    running = Organism.load(file)
    private = running.config.server.model_copy(update={"port": 0})
    async with running, serve(running, private, TOKEN) as address:
        yield running, address.url


@asynccontextmanager
async def gateway(folder: Path, wire: str, **more: Any) -> AsyncIterator[tuple[Organism, str]]:
    """Run a library, and an organism that passes it on."""
    front, behind = folders(folder)
    async with (
        greeters(behind, FILE) as (_, url),
        in_front(front, over_http(url, wire, **more)) as found,
    ):
        yield found


@pytest.mark.parametrize("way", ["http", "stdio"])
@each_wire
async def test_what_a_server_says_meanwhile_is_heard_by_whoever_called(
    tmp_path: Path, wire: str, way: str
) -> None:
    told: list[tuple[str, Any]] = []
    more: Any = {} if WIRES[wire] == "legacy" else {"log_level": "debug"}
    front, behind = folders(tmp_path)
    (behind / "organism.yaml").write_text(FILE, encoding="utf-8")
    program: Mapping[str, Any] = {
        "command": sys.executable,
        "args": ["-m", "xml_pipeline", "mcp", "serve", str(behind / "organism.yaml")],
        "cwd": str(ROOT),
        "connect_timeout": 60,
        "protocol": wire,
        "expose": "mcp",
    }
    async with greeters(behind, FILE) as (_, url):
        library = over_http(url, wire) if way == "http" else program
        async with (
            in_front(front, library) as (_, address),
            connected(address, WIRES[wire], logging_callback=heard_by(told), **more) as client,
        ):
            if not more:
                await set_level(client, "debug")
            await client.call_tool("library.talker")
    assert told == [("debug", "looking"), ("info", "found"), ("error", "lost")]


@each_wire
async def test_of_several_calls_each_hears_its_own(tmp_path: Path, wire: str) -> None:
    said: list[ToolLog] = []

    def hear(event: Event) -> None:
        if isinstance(event, ToolLog):
            said.append(event)

    async with gateway(tmp_path, wire) as (running, _):
        running.subscribe(hear)
        codec = next(iter(running.kernel.listeners.get("library.talker").codecs.values()))
        calls = (running.ask("library.talker", codec.from_json({})) for _ in range(5))
        await asyncio.gather(*calls)
    heard: dict[str, list[str]] = {each.conversation_id: [] for each in said}
    for each in said:
        heard[each.conversation_id].append(each.message)
    assert list(heard.values()) == [["looking", "found", "lost"]] * 5


async def changed(client: Client, heard: asyncio.Queue[str]) -> str:
    """Return what is told to have changed first, if it is written again and again."""
    while heard.empty():  # What is told before a stream is open is lost.
        await client.call_tool("library.writer")
    return heard.get_nowait()


def hearing(heard: asyncio.Queue[str]) -> Any:
    async def hear(message: object) -> None:
        if isinstance(message, types.ResourceUpdatedNotification):
            heard.put_nowait(message.params.uri)

    return hear


@each_wire
async def test_who_subscribes_in_front_is_told_what_changes_behind(
    tmp_path: Path, wire: str
) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with gateway(tmp_path, wire) as (_, url):
        async with connected(url, "legacy", message_handler=hearing(heard)) as client:
            await ask_about(client, types.SubscribeRequest, "book://one")
            await ask_about(client, types.SubscribeRequest, "book://one")
            await ask_about(client, types.SubscribeRequest, "book://two")
            await ask_about(client, types.UnsubscribeRequest, "book://two")
            assert await changed(client, heard) == "book://one"
        async with (
            connected(url) as client,
            client.listen(resource_subscriptions=["book://one", "book://none"]) as changes,
        ):
            await client.call_tool("library.writer")
            assert await anext(changes) == ResourceUpdated("book://one")


async def test_a_subscription_outlives_a_reload_of_its_server(tmp_path: Path) -> None:
    wire = "2026-07-28"
    followed = asyncio.Event()

    def hear(event: Event) -> None:
        if isinstance(event, MessageReceived) and isinstance(event.payload, McpResult):
            followed.set()

    front, behind = folders(tmp_path)
    async with (
        greeters(behind, FILE) as (_, library),
        in_front(front, over_http(library, wire)) as (running, url),
        connected(url) as client,
        client.listen(resource_subscriptions=["book://one"]) as changes,
    ):
        running.subscribe(hear)
        written(front, library=over_http(library, wire, timeout=50.0))
        assert "library.resources" in (await running.reload()).changed
        await followed.wait()
        await client.call_tool("library.writer")
        assert await anext(changes) == ResourceUpdated("book://one")


async def test_when_a_server_was_away_its_resources_may_have_changed(tmp_path: Path) -> None:
    front, behind = folders(tmp_path)
    (behind / "organism.yaml").write_text(FILE, encoding="utf-8")
    running = Organism.load(behind / "organism.yaml")
    private = running.config.server.model_copy(update={"port": 0})
    async with running:
        async with serve(running, private, TOKEN) as first:
            library = over_http(first.url, "2026-07-28")
            entered = in_front(front, library)
            _, url = await entered.__aenter__()
            client = connected(url)
            listening = (await client.__aenter__()).listen(resource_subscriptions=["book://one"])
            changes = await listening.__aenter__()
        private = private.model_copy(update={"port": first.port})
        async with serve(running, private, TOKEN):
            assert await anext(changes) == ResourceUpdated("book://one")
            await listening.__aexit__(None, None, None)
            await client.__aexit__(None, None, None)
            await entered.__aexit__(None, None, None)


@each_wire
async def test_what_was_not_subscribed_to_is_let_go_of_as_well(tmp_path: Path, wire: str) -> None:
    async with gateway(tmp_path, wire) as (running, _):
        answer = await running.ask("library.resources", UnsubscribeResource("book://one"))
        assert answer == McpResult("It is told no more when that changes.")


async def test_a_server_that_tells_nobody_of_changes_is_not_followed(tmp_path: Path) -> None:
    box = {**STDIO, "protocol": "2025-11-25", "expose": "mcp"}
    async with organism(tmp_path, box=box) as running:
        answer = await running.ask("box.resources", SubscribeResource("memo://today"))
    assert isinstance(answer, ToolError)
    assert "tells nobody of changes" in answer.message
