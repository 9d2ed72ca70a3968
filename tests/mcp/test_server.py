"""The organism as an MCP server: over HTTP at ``/mcp``, and over standard streams."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import MCPError, types
from mcp.server.mcpserver import MCPServer

from tests.mcp.house import organism, served
from tests.mcp.visitors import MODES, TOKEN, connected, each_way, greeters, text, until, visiting
from xml_pipeline import Organism
from xml_pipeline.server import serve


@each_way
async def test_listeners_that_are_exposed_are_tools_and_no_others(way: str, tmp_path: Path) -> None:
    async with visiting(way, tmp_path) as client:
        listed = (await client.list_tools()).tools
        names = [each.name for each in listed]
        assert names == ["greeter", "refuser", "failer", "counter", "never", "holder", "order"]
        greeter = listed[0]
        assert greeter.description == "Greets."
        assert greeter.input_schema["required"] == ["name"]
        assert greeter.output_schema is not None
        with pytest.raises(MCPError, match="There is no tool 'hidden'"):
            await client.call_tool("hidden", {"name": "Ada"})


@each_way
async def test_a_call_is_a_message_and_its_answer_a_result(way: str, tmp_path: Path) -> None:
    async with visiting(way, tmp_path) as client:
        greeted = await client.call_tool("greeter", {"name": "Ada"})
        assert text(greeted).startswith("Hello, Ada, says ")
        assert greeted.structured_content["letters"] == len(text(greeted))

        refused = await client.call_tool("refuser", {"name": "Eve"})
        assert (text(refused), refused.is_error) == ("I do not know you.", True)

        failed = await client.call_tool("failer", {"name": "Eve"})
        assert failed.is_error
        assert "secret" not in text(failed)

        misfit = await client.call_tool("greeter", {"nam": "Ada"})
        assert misfit.is_error
        assert text(misfit).startswith("The arguments do not fit")


@each_way
async def test_a_long_call_tells_how_far_it_has_come(way: str, tmp_path: Path) -> None:
    async with visiting(way, tmp_path) as client:
        told: list[tuple[float, float | None]] = []

        async def hear(progress: float, total: float | None, message: str | None) -> None:
            told.append((progress, total))

        await client.call_tool("counter", {"to": 3}, progress_callback=hear)
        assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("mode", MODES)
async def test_a_call_that_is_cancelled_stops_the_work(tmp_path: Path, mode: str) -> None:
    async with (
        greeters(tmp_path) as (running, url),
        connected(url, mode) as client,
        running.events() as events,
    ):
        calling = asyncio.create_task(client.call_tool("never", {"to": 1}))
        assert [each async for each in until(events, "active")]
        calling.cancel()
        seen = [each async for each in until(events, "killed")]
        assert seen[-1].callee == "never"


@each_way
async def test_a_long_call_is_cancelled_when_it_has_begun(way: str, tmp_path: Path) -> None:
    begun, file = asyncio.Event(), anyio.Path(tmp_path / "stopped")

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        begun.set()

    async with visiting(way, tmp_path) as client, asyncio.timeout(60):
        call = client.call_tool("holder", {"file": str(file)}, progress_callback=hear)
        calling = asyncio.create_task(call)
        await begun.wait()
        calling.cancel()
        while not await file.exists():
            await client.call_tool("greeter", {"name": "Ada"})
        assert calling.cancelled()


async def test_who_hangs_up_on_the_newer_wire_stops_the_work(tmp_path: Path) -> None:
    about = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call"}
    async with (
        greeters(tmp_path) as (running, url),
        httpx2.AsyncClient(headers={**ACCEPT, **headers, "Mcp-Name": "never"}) as http,
        running.events() as events,
    ):
        calling = asyncio.create_task(http.post(f"{url}/mcp", json=never(about)))
        assert [each async for each in until(events, "active")]
        calling.cancel()
        *_, last = [each async for each in until(events, "killed")]
        assert last.callee == "never"


async def test_who_ends_its_session_on_the_older_wire_stops_the_work(tmp_path: Path) -> None:
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": US}
    async with (
        greeters(tmp_path) as (running, url),
        httpx2.AsyncClient(headers=ACCEPT) as http,
        running.events() as events,
    ):
        greeted = await http.post(f"{url}/mcp", json=asked("initialize", hello))
        http.headers["Mcp-Session-Id"] = greeted.headers["Mcp-Session-Id"]
        ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        await http.post(f"{url}/mcp", json=ready)
        calling = asyncio.create_task(http.post(f"{url}/mcp", json=never({})))
        assert [each async for each in until(events, "active")]
        assert (await http.delete(f"{url}/mcp")).status_code == 200
        *_, last = [each async for each in until(events, "killed")]
        assert last.callee == "never"
        calling.cancel()


ACCEPT = {
    "Authorization": f"Bearer {TOKEN}",
    "Accept": "application/json, text/event-stream",
}
US = {"name": "us", "version": "1"}


def asked(method: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def never(about: dict[str, Any]) -> dict[str, Any]:
    return asked("tools/call", {"name": "never", "arguments": {"to": 1}, "_meta": about})


async def test_nobody_gets_in_without_the_token_or_from_elsewhere(tmp_path: Path) -> None:
    async with greeters(tmp_path) as (_, url), httpx2.AsyncClient() as http:
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert (await http.post(f"{url}/mcp", json=ping)).status_code == 401
        for more in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
            refused = await http.post(f"{url}/mcp", json=ping, headers={**bearer, **more})
            assert refused.status_code == 403


async def test_where_nobody_is_exposed_there_is_no_server(tmp_path: Path) -> None:
    (tmp_path / "organism.yaml").write_text("{}", encoding="utf-8")
    running = Organism.load(tmp_path / "organism.yaml")
    private = running.config.server.model_copy(update={"port": 0})
    async with running, serve(running, private, TOKEN) as address, httpx2.AsyncClient() as http:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert (await http.post(f"{address.url}/mcp", headers=bearer)).status_code == 404


async def test_a_gateway_of_servers_is_one_block(tmp_path: Path) -> None:
    async with served() as url, organism(tmp_path, box={"url": url, "expose": "mcp"}) as running:
        private = running.config.server.model_copy(update={"port": 0})
        async with serve(running, private, TOKEN) as address, connected(address.url) as client:
            names = [each.name for each in (await client.list_tools()).tools]
            assert {"box.add", "box.picture"} <= set(names)
            result = await client.call_tool("box.weather", {"city": "Rome"})
            assert result.structured_content == {"degrees": 21.5, "words": "Sunny in Rome"}
            picture = await client.call_tool("box.picture")
            kinds = [each.type for each in picture.content]
            assert kinds == ["text", "image", "resource_link", "resource"]


@pytest.mark.parametrize("mode", MODES)
async def test_a_gateway_passes_on_how_arguments_go_on(tmp_path: Path, mode: str) -> None:
    async with served() as url, organism(tmp_path, box={"url": url, "expose": "mcp"}) as running:
        private = running.config.server.model_copy(update={"port": 0})
        async with (
            serve(running, private, TOKEN) as address,
            connected(address.url, mode) as client,
        ):
            review = types.PromptReference(name="review")
            found = await client.complete(review, {"name": "code", "value": "de"})
            assert found.completion.values == ["def f(): pass", "del x"]
            memo = types.ResourceTemplateReference(uri="memo://{day}")
            found = await client.complete(memo, {"name": "day", "value": "to"})
            assert found.completion.values == ["today", "tomorrow"]
            for value in ("never", "x"):  # What is too long is none.
                found = await client.complete(memo, {"name": "day", "value": value})
                assert found.completion.values == []


async def test_a_gateway_to_a_server_that_completes_nothing_has_nothing_to_say(
    tmp_path: Path,
) -> None:
    plain = MCPServer("plain")

    @plain.prompt()
    def review(code: str) -> str:
        """Ask for a review."""
        return code

    async with (
        served(plain) as url,
        organism(tmp_path, box={"url": url, "expose": "mcp"}) as running,
    ):
        private = running.config.server.model_copy(update={"port": 0})
        async with serve(running, private, TOKEN) as address, connected(address.url) as client:
            about = types.PromptReference(name="review")
            found = await client.complete(about, {"name": "code", "value": "de"})
            assert found.completion.values == []


@pytest.mark.parametrize("mode", MODES)
async def test_a_listener_asks_the_person_behind_the_client(tmp_path: Path, mode: str) -> None:
    asked: list[str] = []

    async def fill_in(context: Any, params: Any) -> types.ElicitResult:
        asked.append(params.message)
        return types.ElicitResult(action="accept", content={"size": "large"})

    async with greeters(tmp_path) as (_, url):
        async with connected(url, mode, elicitation_callback=fill_in) as client:
            done = await client.call_tool("order", {"to": 1})
            assert text(done) == "accept {'size': 'large'}"
            assert asked == ["Which size?"]
        async with connected(url, mode) as client:
            assert text(await client.call_tool("order", {"to": 1})) == "cancel nothing"


async def test_a_call_that_waits_goes_on_for_those_only_who_know_its_word(tmp_path: Path) -> None:
    async def nobody(context: Any, params: Any) -> types.ElicitResult:
        return types.ElicitResult(action="decline")

    async with (
        greeters(tmp_path) as (_, url),
        connected(url, elicitation_callback=nobody) as client,
    ):
        wire = client.session
        left = await wire.call_tool("order", {"to": 1}, allow_input_required=True)
        assert isinstance(left, types.InputRequiredResult)
        declined: Any = {"question": types.ElicitResult(action="decline")}
        for name, state in (("order", "guessed"), ("greeter", left.request_state)):
            with pytest.raises(MCPError, match="No call waits"):
                await wire.call_tool(name, {}, input_responses=declined, request_state=state)
        again = await wire.call_tool(
            "order", {"to": 1}, request_state=left.request_state, allow_input_required=True
        )
        assert isinstance(again, types.InputRequiredResult)
        done = await wire.call_tool(
            "order", {"to": 1}, input_responses=declined, request_state=again.request_state
        )
        assert text(done) == "decline nothing"
