"""The tools of MCP servers as listeners, on both wires and both ways to a server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.mcp.house import STDIO, asked, organism, served
from tests.mcp.toolbox import PICTURE
from xml_pipeline import Organism
from xml_pipeline.agents.payloads import Task
from xml_pipeline.events import Event, ToolProgress
from xml_pipeline.mcp.payloads import (
    GetPrompt,
    ListPrompts,
    ListResources,
    McpResult,
    Media,
    ReadResource,
)
from xml_pipeline.tool_error import ToolError

AGENT: Mapping[str, Any] = {
    "name": "ada",
    "description": "Looks.",
    "agent": True,
    "model": "scripted:seer",
    "media": ["image"],
    "peers": ["box"],
}
SCRIPT = """
- calls: [{name: box.picture, arguments: {}}]
- {text: I see nothing.}
- {when: "has shown", text: Not quite a picture.}
"""
WIRES = ("2025-11-25", "2026-07-28")


@asynccontextmanager
async def way(kind: str) -> AsyncIterator[Mapping[str, Any]]:
    """Give what a file says of the toolbox."""
    how, _, wire = kind.partition(" ")
    if how == "stdio":
        yield {**STDIO, "protocol": wire}
        return
    async with served() as url:
        yield {"url": url, "protocol": wire}


@pytest.fixture(params=[f"{how} {wire}" for how in ("http", "stdio") for wire in WIRES])
async def box(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Organism]:
    async with way(request.param) as server, organism(tmp_path, box=server) as running:
        yield running


async def test_what_tools_answer_are_payloads(box: Organism) -> None:
    sum_ = await box.ask("box.add", asked(box, "box.add", a=2, b=3))
    assert (sum_.text, sum_.structured) == ("5", {"result": "5"})

    sunny = await box.ask("box.weather", asked(box, "box.weather", city="Rome"))
    assert sunny.structured == {"degrees": 21.5, "words": "Sunny in Rome"}

    seen = await box.ask("box.picture", asked(box, "box.picture"))
    assert seen.media == (Media("image/png", PICTURE),)
    assert [each.uri for each in seen.resources] == ["file:///more", "file:///note"]
    assert seen.resources[1].text == "A note"
    assert seen.text.splitlines()[:2] == ["Here it is:", f"[image image/png, {len(PICTURE)} bytes]"]

    refused = await box.ask("box.fail", asked(box, "box.fail", why="no"))
    assert isinstance(refused, ToolError)
    assert "It cannot be done: no" in refused.message

    odd = await box.ask("box.controls", asked(box, "box.controls"))
    assert odd.text == "before\ufffd\ufffdafter"


async def test_a_picture_may_be_as_large_as_a_message(box: Organism) -> None:
    seen = await box.ask("box.large", asked(box, "box.large", size=500_000))
    assert seen.media == (Media("image/png", bytes(500_000)),)


async def test_a_replay_calls_no_server(box: Organism) -> None:
    theirs = [each.acts_outside for each in box.listeners if each.name.startswith("box.")]
    assert theirs
    assert all(theirs)


async def test_prompts_and_resources_are_listeners(box: Organism) -> None:
    prompts = await box.ask("box.prompts", ListPrompts())
    assert prompts.text == "review(code): Ask for a review."
    filled = await box.ask("box.prompts", GetPrompt("review", {"code": "x = 1"}))
    assert filled.text.endswith("user: Please review: x = 1")

    resources = await box.ask("box.resources", ListResources())
    assert [line.split(" ")[0] for line in resources.text.splitlines()] == [
        "memo://today",
        "memo://{day}",
    ]
    read = await box.ask("box.resources", ReadResource("memo://today"))
    assert (read.text, read.resources[0].text) == ("Nothing at all.", "Nothing at all.")
    gone = await box.ask("box.resources", ReadResource("file:///etc/passwd"))
    assert isinstance(gone, ToolError)


async def test_progress_is_an_event(box: Organism) -> None:
    events: list[Event] = []
    box.subscribe(events.append)
    done = await box.ask("box.steps", asked(box, "box.steps", count=3))
    assert done.text == "done"
    told = [each for each in events if isinstance(each, ToolProgress)]
    assert [(each.progress, each.total, each.message) for each in told] == [
        (1.0, 3.0, "step 1"),
        (2.0, 3.0, "step 2"),
        (3.0, 3.0, "step 3"),
    ]
    assert {each.listener for each in told} == {"box.steps"}


async def test_an_answer_too_long_for_a_message_is_cut_and_says_so(box: Organism) -> None:
    much = await box.ask("box.long", asked(box, "box.long", size=500_000))
    assert isinstance(much, McpResult)
    assert much.text.endswith("characters left out]")


async def test_an_agent_uses_a_program_and_sees_what_it_shows(tmp_path: Path) -> None:
    (tmp_path / "seer.yaml").write_text(SCRIPT, encoding="utf-8")
    async with organism(tmp_path, AGENT, box=STDIO) as running:
        answer = await running.ask("ada", Task("What is in the picture?"))
    assert answer.text == "Not quite a picture."
