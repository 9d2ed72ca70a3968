"""Servers that hang, die, come back, or were never there."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.mcp.house import STDIO, approve, asked, organism, served, written
from tests.mcp.toolbox import toolbox
from xml_pipeline import Organism
from xml_pipeline.config import McpServerConfig
from xml_pipeline.errors import Timeout
from xml_pipeline.mcp.definitions import Pins, definition_of, pins_text
from xml_pipeline.mcp.failing import ServerFailed
from xml_pipeline.mcp.pinning import discover
from xml_pipeline.tool_error import ToolError

WIRES = ("2025-11-25", "2026-07-28")
NOWHERE = "http://127.0.0.1:9/mcp"


class Lines(logging.Handler):
    """The lines that servers say on their standard error."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: asyncio.Queue[str] = asyncio.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.put_nowait(record.getMessage())

    async def has(self, line: str) -> bool:
        """Wait until somebody says this, for a minute."""
        with suppress(TimeoutError):
            async with asyncio.timeout(60):
                while await self._lines.get() != line:
                    pass
                return True
        return False


@pytest.fixture
def lines() -> Iterator[Lines]:
    heard, log = Lines(), logging.getLogger("xml_pipeline.mcp.transport")
    log.addHandler(heard)
    log.setLevel(logging.INFO)
    yield heard
    log.removeHandler(heard)
    log.setLevel(logging.NOTSET)


def pinned(folder: Path, **server: Any) -> Organism:
    """Return an organism with a server of which ``add`` was approved without asking it."""
    said = {"name": "add", "inputSchema": {"type": "object"}}
    text = pins_text({"box": Pins((definition_of(said),))})
    (folder / "mcp.lock.json").write_text(text, encoding="utf-8")
    return Organism.load(written(folder, box=server))


async def test_a_program_that_dies_at_work_is_started_again_and_nothing_is_done_twice(
    tmp_path: Path,
) -> None:
    async with organism(tmp_path, box=STDIO) as running:
        answer = await running.ask("box.die", asked(running, "box.die"))
        assert isinstance(answer, ToolError)
        assert "it may have done it, or not" in answer.message
        assert (await running.ask("box.add", asked(running, "box.add", a=1))).text == "2"


@pytest.mark.parametrize("wire", WIRES)
async def test_what_is_killed_is_cancelled_at_the_server(
    tmp_path: Path, wire: str, lines: Lines
) -> None:
    async with organism(tmp_path, box={**STDIO, "protocol": wire}) as running:
        thread = await running.send("box.forever", asked(running, "box.forever"))
        assert await lines.has("box says: forever has begun")
        running.kill(thread)
        assert await lines.has("box says: forever was cancelled")


async def test_each_tool_has_its_own_time(tmp_path: Path, lines: Lines) -> None:
    box = {**STDIO, "timeouts": {"forever": 0.2}}
    async with organism(tmp_path, box=box) as running:
        assert running.kernel.listeners.get("box.add").timeout == 60.0
        assert (await running.ask("box.add", asked(running, "box.add", a=1))).text == "2"
        with pytest.raises(Timeout):
            await running.ask("box.forever", asked(running, "box.forever"))
        assert await lines.has("box says: forever was cancelled")


@pytest.mark.parametrize("wire", WIRES)
async def test_a_server_that_was_restarted_is_connected_to_again(tmp_path: Path, wire: str) -> None:
    async with served() as first:
        port = int(first.rpartition(":")[2].partition("/")[0])
        file = written(tmp_path, box={"url": first, "protocol": wire})
        await approve(file)
        running = await Organism.load(file).__aenter__()
        add = asked(running, "box.add", a=1)
        assert (await running.ask("box.add", add)).text == "2"
    try:
        async with served(toolbox(), port):
            answer = await running.ask("box.add", add)
            if isinstance(answer, ToolError):  # The broken connection was noticed only now.
                assert "it may have done it, or not" in answer.message
                answer = await running.ask("box.add", add)
            assert answer.text == "2"
    finally:
        await running.__aexit__(None, None, None)


@pytest.mark.parametrize(
    "server",
    [
        {"url": NOWHERE},
        {"command": "no-such-program-anywhere"},
        {"command": sys.executable, "args": ["-c", "pass"]},
        {"command": sys.executable, "args": ["-c", "input()"], "connect_timeout": 0.5},
    ],
    ids=["no server", "no program", "ends at once", "says nothing"],
)
async def test_a_server_that_is_not_there_is_tried_a_few_times_and_then_told_of(
    tmp_path: Path, server: dict[str, Any]
) -> None:
    async with pinned(tmp_path, **server) as running:
        answer = await running.ask("box.add", asked(running, "box.add"))
        assert isinstance(answer, ToolError)
        assert answer.message.startswith("box cannot be reached: ")


async def test_nobody_is_started_before_something_is_asked(tmp_path: Path) -> None:
    async with pinned(tmp_path, command="no-such-program-anywhere") as running:
        assert [each.name for each in running.listeners if each.group == "box"] == ["box.add"]


async def test_a_server_that_cannot_be_asked_is_told_of_when_it_is_to_be_approved() -> None:
    with pytest.raises(ServerFailed, match="box cannot be reached"):
        await discover("box", McpServerConfig(url=NOWHERE), Path())
