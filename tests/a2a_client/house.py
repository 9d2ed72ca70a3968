"""Agents elsewhere over HTTP, and organisms that speak with them."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
import yaml
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import InMemoryTaskStore
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.a2a_client.parrot import Parrot
from xml_pipeline import Organism
from xml_pipeline.a2a.cards import card_of, pins_text
from xml_pipeline.a2a.pinning import discover
from xml_pipeline.config import load_config
from xml_pipeline.events import Event

WIRES = ("1.0", "0.3", "1.0 HTTP+JSON")

Fault = Callable[[ASGIApp], ASGIApp]
"""Comes between us and the agent."""


@dataclass
class Elsewhere:
    """An agent that is served; ``card`` may be changed, ``faults`` are by the method called.

    ``calls`` are the methods that were called, ``headers`` those of the last request.
    """

    wire: str = "1.0"
    streaming: bool = True
    parrot: Parrot = field(default_factory=Parrot)
    card: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    url: str = ""
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def application(self) -> ASGIApp:
        """Return what is served."""
        base = f"{self.url}/a2a"
        self.card = _card(self.wire, base, self.streaming)
        interface = AgentInterface(url=base, protocol_binding="JSONRPC", protocol_version="1.0")
        known = AgentCard(
            name="Parrot",
            description="Does what it is told.",
            capabilities=AgentCapabilities(streaming=self.streaming),
            supported_interfaces=[interface],
            version="1",
            default_input_modes=["text/plain"],
            default_output_modes=["text/plain"],
            skills=[AgentSkill(id="echo", name="Echo", description="Says it.", tags=["echo"])],
        )
        self.parrot.news = self.news
        handler = DefaultRequestHandler(self.parrot, InMemoryTaskStore(), known)
        where = "/.well-known/agent-card.json" if self.wire != "0.3" else "/.well-known/agent.json"
        routes = [
            Route(where, self._show),
            *create_jsonrpc_routes(handler, "/a2a", enable_v0_3_compat=True),
            *create_rest_routes(handler, path_prefix="/rest"),
        ]
        return self._watched(Starlette(routes=routes))

    async def called(self, method: str, times: int = 1) -> None:
        """Wait until a method has been called so many times."""
        await self._until(lambda: self.calls.count(method) >= times)

    async def heard(self, messages: int) -> None:
        """Wait until the agent has begun with so many messages."""
        await self._until(lambda: len(self.parrot.heard) >= messages)

    async def _until(self, true: Callable[[], bool]) -> None:
        async with self.news:
            await self.news.wait_for(true)

    async def _show(self, request: Request) -> Response:
        return JSONResponse(self.card)

    def _watched(self, app: ASGIApp) -> ASGIApp:
        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            self.headers = dict(scope["headers"])
            whole = await Request(scope, receive).body()
            unread = [whole]
            method = json.loads(whole)["method"] if scope["path"] == "/a2a" else scope["path"]
            self.calls.append(method)
            async with self.news:
                self.news.notify_all()

            async def again() -> Any:
                if not unread:
                    return await receive()
                return {"type": "http.request", "body": unread.pop(), "more_body": False}

            faults = self.faults.get(method)
            await (faults.pop(0)(app) if faults else app)(scope, again, send)

        return watched


def answered(code: int, text: str = "", **headers: str) -> Fault:
    """Return a fault: this answer, whatever the agent would say."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return lambda app: Response(text, code, named)


def cut(after: int) -> Fault:
    """Return a fault: the connection breaks once so many pieces of the answer have gone out."""

    def cutting(app: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            left = after

            async def until(message: Message) -> None:
                nonlocal left
                if message["type"] == "http.response.body":
                    if not left:
                        raise ConnectionResetError("cut")
                    left -= 1
                await send(message)

            with suppress(ConnectionResetError):
                await app(scope, receive, until)

        return wrapped

    return cutting


def _card(wire: str, base: str, streaming: bool) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": "Parrot",
        "description": "Does what it is told.",
        "version": "1",
        "capabilities": {"streaming": streaming},
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [{"id": "echo", "name": "Echo", "description": "Says it again.", "tags": []}],
    }
    if wire == "0.3":
        return {**said, "url": base, "preferredTransport": "JSONRPC", "protocolVersion": "0.3.0"}
    binding = wire.partition(" ")[2] or "JSONRPC"
    url = base if binding == "JSONRPC" else base.removesuffix("/a2a") + "/rest"
    interface = {"url": url, "protocolBinding": binding, "protocolVersion": "1.0"}
    return {**said, "supportedInterfaces": [interface]}


@asynccontextmanager
async def served(
    wire: str = "1.0", *, streaming: bool = True, port: int = 0
) -> AsyncIterator[Elsewhere]:
    """Serve an agent over HTTP; port 0 is a free one."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        there = Elsewhere(wire, streaming)
        there.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(
            there.application(), log_config=None, ws="none", timeout_graceful_shutdown=0
        )
        running = uvicorn.Server(config)
        serving = asyncio.create_task(running.serve([listening]))
        try:
            yield there
        finally:
            running.should_exit = True
            await serving


def written(folder: Path, *listeners: Mapping[str, Any], **agents: Mapping[str, Any]) -> Path:
    """Write an organism file with these agents elsewhere; nothing is approved yet."""
    file = folder / "organism.yaml"
    said = {
        "allow_imports": ["tests"],
        "backend": {"type": "sqlite", "path": "journal.db"},
        "a2a": {"agents": agents},
        "listeners": list(listeners),
    }
    file.write_text(yaml.safe_dump(said), encoding="utf-8")
    return file


async def approve(file: Path) -> None:
    """Approve the cards that the agents of an organism file have."""
    agents = load_config(file).config.a2a.agents
    pins = {name: await discover(name, each) for name, each in agents.items()}
    (file.parent / "a2a.lock.json").write_text(pins_text(pins), encoding="utf-8")


def pinned(folder: Path, **agent: Any) -> Organism:
    """Return an organism with an agent whose card was approved without asking it."""
    file = written(folder, parrot=agent)
    card = card_of(_card("1.0", f"{agent['url']}/a2a", True))
    (folder / "a2a.lock.json").write_text(pins_text({"parrot": card}), encoding="utf-8")
    return Organism.load(file)


@asynccontextmanager
async def organism(
    folder: Path, *listeners: Mapping[str, Any], **agents: Mapping[str, Any]
) -> AsyncIterator[Organism]:
    """Run an organism with these agents, whatever their cards say being approved."""
    file = written(folder, *listeners, **agents)
    await approve(file)
    async with Organism.load(file) as running:
        yield running


class Told:
    """What an organism tells of; the events of some kinds, to be waited for."""

    def __init__(self, organism: Organism, *kinds: type) -> None:
        self._kinds = kinds
        self._events: asyncio.Queue[Any] = asyncio.Queue()
        organism.subscribe(self._hear)

    async def next(self) -> Any:
        """Wait for the next event."""
        return await self._events.get()

    def _hear(self, event: Event) -> None:
        if isinstance(event, self._kinds):
            self._events.put_nowait(event)
