"""Organisms that MCP clients visit, over either wire, and their clients."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters, types
from mcp.client.streamable_http import streamable_http_client

from tests.mcp.house import ROOT
from xml_pipeline import Organism
from xml_pipeline.events import ThreadEvent
from xml_pipeline.server import serve

TOKEN = "secret"
MODES = ("legacy", "auto")

FILE = """
organism: {name: greeters}
allow_imports: [tests, xml_pipeline]
listeners:
  - {name: greeter, description: Greets., handler: tests.mcp.everything:greet, expose: mcp,
     output_class: tests.mcp.everything:Greeted}
  - {name: refuser, description: Refuses., handler: tests.mcp.everything:refuse, expose: [mcp]}
  - {name: failer, description: Fails., handler: tests.mcp.everything:fail, expose: mcp}
  - {name: counter, description: Counts., handler: tests.mcp.everything:count, expose: mcp}
  - {name: never, description: Never answers., handler: tests.mcp.everything:never, expose: mcp}
  - {name: holder, description: Holds., handler: tests.mcp.everything:hold, expose: mcp}
  - {name: client, description: Who called., handler: "mcp:client"}
  - {name: order, description: Orders., handler: tests.mcp.everything:order, expose: mcp,
     peers: client}
  - {name: hidden, description: Is ours alone., handler: tests.mcp.everything:greet}
"""


@asynccontextmanager
async def connected(
    url: str, mode: Any = "auto", *, subject: str = "", **more: Any
) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    if subject:
        headers["Subject-Token"] = subject
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode, **more) as client,
    ):
        yield client


@asynccontextmanager
async def greeters(folder: Path, text: str = FILE) -> AsyncIterator[tuple[Organism, str]]:
    file = folder / "organism.yaml"
    file.write_text(text, encoding="utf-8")
    running = Organism.load(file)
    private = running.config.server.model_copy(update={"port": 0})
    async with running, serve(running, private, TOKEN) as address:
        yield running, address.url


each_way = pytest.mark.parametrize("way", [*MODES, "stdio", "stdio legacy"])


@asynccontextmanager
async def visiting(way: str, folder: Path, text: str = FILE, **more: Any) -> AsyncIterator[Client]:
    """Give a client of an organism; the SDK wants it left by the task that entered it."""
    if way.startswith("stdio"):
        (folder / "organism.yaml").write_text(text, encoding="utf-8")
        arguments = ["-m", "xml_pipeline", "mcp", "serve", str(folder / "organism.yaml")]
        program = StdioServerParameters(command=sys.executable, args=arguments, cwd=ROOT)
        mode: Any = "legacy" if way == "stdio legacy" else "auto"
        async with Client(program, mode=mode, **more) as client:
            yield client
        return
    async with greeters(folder, text) as (_, url), connected(url, way, **more) as client:
        yield client


def text(result: types.CallToolResult) -> str:
    (block,) = result.content
    assert isinstance(block, types.TextContent)
    return block.text


async def until(events: Any, status: str) -> AsyncIterator[ThreadEvent]:
    """Yield what threads do, up to the first one of a status."""
    async with asyncio.timeout(30):
        async for event in events:
            if isinstance(event, ThreadEvent):
                yield event
            if isinstance(event, ThreadEvent) and event.status == status:
                return


async def called(
    http: httpx2.AsyncClient, url: str, tool: str, able: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    """Call a tool on the newer wire as a client that can be asked this, and return the result."""
    about = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": able,
    }
    params = {"name": tool, "arguments": {}, "_meta": about, **more}
    headers = {
        "Authorization": f"Bearer {TOKEN}",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
    }
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    answer = await http.post(f"{url}/mcp", json=asked, headers=headers)
    result: dict[str, Any] = answer.json()["result"]
    return result
