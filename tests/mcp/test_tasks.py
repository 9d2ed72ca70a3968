"""Calls whose MCP clients come back for the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import MCPError, types

from tests.mcp.everything import Greet
from tests.mcp.tasking import Tasks, called, cancelled, ended, got, updated
from tests.mcp.visitors import TOKEN, connected, greeters, until, visiting

FILE = """
organism: {name: workers}
allow_imports: [tests, xml_pipeline]
listeners:
  - {name: client, description: Who called., handler: "mcp:client"}
  - {name: owing, description: Owes., handler: tests.mcp.everything:owe, expose: mcp,
     come_back: at_once}
  - {name: failer, description: Fails., handler: tests.mcp.everything:fail, expose: mcp,
     come_back: required}
  - {name: refuser, description: Refuses., handler: tests.mcp.everything:refuse, expose: mcp,
     come_back: at_once}
  - {name: guest, description: Asks., handler: tests.mcp.shelf:introduce, expose: mcp,
     peers: client, come_back: at_once}
  - {name: needer, description: Needs., handler: tests.mcp.shelf:need, expose: mcp, peers: client,
     come_back: at_once}
  - {name: counter, description: Counts., handler: tests.mcp.everything:count_and_owe, expose: mcp,
     come_back: at_once}
"""
WAYS = pytest.mark.parametrize("way", ["auto", "stdio"])


async def fill_in(context: Any, params: Any) -> types.ElicitResult:
    raise AssertionError("of a task, nobody is asked in mid-call")


async def say(context: Any, params: Any) -> types.CreateMessageResult:
    raise AssertionError("of a task, nobody is asked in mid-call")


HELLO: Any = types.CreateMessageResult(
    role="assistant", content=types.TextContent(text="Hello."), model="a-model"
)
NAMED = types.ElicitResult(action="accept", content={"name": "Ada"})
ALL: dict[str, Any] = {"elicitation_callback": fill_in, "sampling_callback": say}


async def test_a_task_is_a_conversation_whose_answer_is_asked_for(tmp_path: Path) -> None:
    async with greeters(tmp_path, FILE) as (running, url), connected(url, **AS_TASK) as client:
        task = await called(client, "owing", name="Ada")
        assert (task["resultType"], task["status"]) == ("task", "working")
        assert task["ttlMs"] is None
        assert (await got(client, task["taskId"]))["status"] == "working"
        running.answer(task["taskId"], Greet("Ada"))
        said = await ended(client, task["taskId"])
        assert (said["resultType"], said["status"]) == ("complete", "completed")
        assert said["result"]["content"] == [{"type": "text", "text": "Ada"}]
        assert said["ttlMs"] >= 3_600_000
        again = await cancelled(client, task["taskId"])
        assert "status" not in again
        assert (await got(client, task["taskId"]))["status"] == "completed"


AS_TASK: dict[str, Any] = {"extensions": [Tasks()]}


async def test_a_task_that_is_cancelled_stops_the_work(tmp_path: Path) -> None:
    async with (
        greeters(tmp_path, FILE) as (running, url),
        connected(url, **AS_TASK) as client,
        running.events() as events,
    ):
        task = await called(client, "owing", name="Ada")
        await cancelled(client, task["taskId"])
        assert (await got(client, task["taskId"]))["status"] == "cancelled"
        *_, last = [each async for each in until(events, "killed")]
        assert last.thread_id == task["taskId"]


@WAYS
async def test_what_a_tool_calls_a_failure_is_a_result_and_what_breaks_is_none(
    way: str, tmp_path: Path
) -> None:
    async with visiting(way, tmp_path, FILE, **AS_TASK) as client:
        refused = await ended(client, (await called(client, "refuser", name="Eve"))["taskId"])
        assert refused["status"] == "completed"
        assert refused["result"]["isError"]
        broken = await ended(client, (await called(client, "failer", name="Eve"))["taskId"])
        assert broken["status"] == "failed"
        assert "result" not in broken
        assert "secret" not in broken["error"]["message"]


@WAYS
async def test_a_task_tells_how_far_it_has_come(way: str, tmp_path: Path) -> None:
    async with visiting(way, tmp_path, FILE, **AS_TASK) as client:
        task = await called(client, "counter", to=3)
        while (said := await got(client, task["taskId"])).get("statusMessage") != "3 of 3 counted":
            assert said["status"] == "working"


@WAYS
async def test_a_task_asks_its_client_when_it_comes_back(way: str, tmp_path: Path) -> None:
    async with visiting(way, tmp_path, FILE, **AS_TASK, **ALL) as client:
        task = (await called(client, "guest"))["taskId"]
        said = await ended(client, task)
        assert said["status"] == "input_required"
        assert said["inputRequests"]["name"]["method"] == "elicitation/create"
        assert said["inputRequests"]["question"]["method"] == "sampling/createMessage"
        await updated(client, task, name=HELLO, unknown=HELLO)  # This answers nothing.
        assert set((await got(client, task))["inputRequests"]) == {"name", "question"}
        await updated(client, task, name=NAMED)
        said = await got(client, task)
        assert (said["status"], set(said["inputRequests"])) == ("input_required", {"question"})
        await updated(client, task, question=HELLO)
        said = await ended(client, task)
        assert said["status"] == "completed"
        heard = said["result"]["content"][0]["text"].split("; ")
        assert sorted(heard) == ["Hello.", "accept Ada", "nowhere"]


async def test_a_task_that_needs_what_its_client_cannot_give_fails(tmp_path: Path) -> None:
    async with greeters(tmp_path, FILE) as (_, url), connected(url, **AS_TASK) as client:
        said = await ended(client, (await called(client, "needer"))["taskId"])
        assert said["status"] == "failed"
        assert said["error"]["data"] == {"requiredCapabilities": {"sampling": {}}}


async def test_who_cannot_come_back_waits_or_is_refused(tmp_path: Path) -> None:
    async with greeters(tmp_path, FILE) as (_, url):
        for mode in ("auto", "legacy"):
            async with connected(url, mode) as client:
                assert (await called(client, "refuser", name="Eve"))["isError"]
                with pytest.raises(MCPError, match="comes back for the answer") as refused:
                    await client.call_tool("failer", {"name": "Eve"})
                assert refused.value.code == types.MISSING_REQUIRED_CLIENT_CAPABILITY
                with pytest.raises(MCPError) as unknown:
                    await got(client, "task")
                assert unknown.value.code == (
                    types.MISSING_REQUIRED_CLIENT_CAPABILITY
                    if mode == "auto"
                    else types.METHOD_NOT_FOUND
                )


async def test_only_a_task_that_is_named_alike_everywhere_is_told_of(tmp_path: Path) -> None:
    async with greeters(tmp_path, FILE) as (_, url), connected(url, **AS_TASK) as client:
        with pytest.raises(MCPError, match="There is no such task"):
            await got(client, "unknown")
        task = (await called(client, "owing", name="Ada"))["taskId"]
        about = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {
                "extensions": {"io.modelcontextprotocol/tasks": {}}
            },
        }
        params = {"taskId": task, "_meta": about}
        asked = {"jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": params}
        headers = {
            "Authorization": f"Bearer {TOKEN}",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tasks/get",
        }
        async with httpx2.AsyncClient(headers=headers) as http:
            for name in ({}, {"Mcp-Name": "another"}):
                refused = await http.post(f"{url}/mcp", json=asked, headers=name)
                assert refused.status_code == 400
                assert refused.json()["error"]["code"] == types.HEADER_MISMATCH
            found = await http.post(f"{url}/mcp", json=asked, headers={"Mcp-Name": task})
            assert found.json()["result"]["status"] == "working"
