"""Organisms with MCP servers, and servers to be tested against."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
import yaml
from mcp.server.mcpserver import MCPServer
from starlette.types import ASGIApp

from tests.mcp.toolbox import toolbox
from xml_pipeline import Organism
from xml_pipeline.config import load_config
from xml_pipeline.mcp.definitions import pins_text
from xml_pipeline.mcp.pinning import discover
from xml_pipeline.subject import Subject

ROOT = Path(__file__).parents[2]

STDIO: Mapping[str, Any] = {
    "command": sys.executable,
    "args": ["-m", "tests.mcp.toolbox"],
    "cwd": str(ROOT),
    "connect_timeout": 60,
}


@asynccontextmanager
async def served(server: MCPServer | None = None, port: int = 0) -> AsyncIterator[str]:
    """Serve an MCP server over HTTP, and give its address; port 0 is a free one."""
    async with listening((server or toolbox()).streamable_http_app(), port) as address:
        yield f"{address}/mcp"


@asynccontextmanager
async def listening(app: ASGIApp, port: int = 0) -> AsyncIterator[str]:
    """Serve an application over HTTP, and give its address without a path."""
    with socket.create_server(("127.0.0.1", port)) as door:
        door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio sees to others only.
        config = uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=0)
        running = uvicorn.Server(config)
        serving = asyncio.create_task(running.serve([door]))
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            running.should_exit = True
            await serving


def written(folder: Path, *listeners: Mapping[str, Any], **servers: Mapping[str, Any]) -> Path:
    """Write an organism file with these MCP servers; nothing is approved yet."""
    file = folder / "organism.yaml"
    said = {"mcp": {"servers": servers}, "listeners": list(listeners)}
    file.write_text(yaml.safe_dump(said), encoding="utf-8")
    return file


async def approve(file: Path, subject: Subject | None = None) -> None:
    """Approve all that the servers of an organism file have, asking them for this user."""
    servers = load_config(file).config.mcp.servers
    found = [await discover(name, each, file.parent, subject) for name, each in servers.items()]
    pins = {name: each.pins for name, each in zip(servers, found, strict=True)}
    (file.parent / "mcp.lock.json").write_text(pins_text(pins), encoding="utf-8")


@asynccontextmanager
async def organism(
    folder: Path, *listeners: Mapping[str, Any], **servers: Mapping[str, Any]
) -> AsyncIterator[Organism]:
    """Run an organism with these servers, whatever they have being approved."""
    file = written(folder, *listeners, **servers)
    await approve(file)
    async with Organism.load(file) as running:
        yield running


def asked(running: Organism, listener: str, **fields: Any) -> Any:
    """Return a payload of the only class that a listener takes."""
    (codec,) = running.kernel.listeners.get(listener).codecs.values()
    return codec.from_json(fields)
