"""The coder mends a small project in its workspace, and somebody is asked before it writes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from tests.house.source import ROOT
from xml_pipeline import Organism
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.errors import HandlerFailed
from xml_pipeline.tools.sandbox.offered import offered

FILE = ROOT / "organisms" / "coder.yaml"
PROJECT = ROOT / "organisms" / "coder" / "project" / "stack.py"

pytestmark = pytest.mark.skipif(offered().best is None, reason="nothing encloses commands here")


@pytest.fixture(autouse=True)
def spaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the workspaces are."""
    monkeypatch.setenv("XML_PIPELINE_WORKSPACES", str(tmp_path))
    return tmp_path


def mended(spaces: Path) -> str:
    """Return the file of the one workspace that was to be mended."""
    [file] = spaces.glob("*/*/*/files/stack.py")
    return file.read_text()


async def test_it_mends_the_project_once_somebody_has_said_yes(spaces: Path) -> None:
    asked: list[tuple[str, str]] = []
    async with Organism.load(FILE) as organism:
        with organism.approvals.attend():
            asking = asyncio.create_task(organism.ask("coder", Task("The tests fail: mend it.")))
            async for event in organism.events():
                if getattr(event, "step", "") == "approval_requested":
                    [call] = organism.approvals.waiting()
                    asked.append((call.tool, call.payload))
                    organism.approvals.decide(call.id, "allow", by="ann")
                if asking.done() or getattr(event, "step", "") == "run_completed":
                    break
            answer = await asking
    assert isinstance(answer, Answer)
    assert "both tests pass" in answer.text
    assert [tool for tool, _ in asked] == ["bash", "edit", "bash"]
    assert '"-": left - right' in mended(spaces)
    assert '"-": right - left' in PROJECT.read_text()


async def test_it_changes_nothing_where_nobody_is_there_to_be_asked(spaces: Path) -> None:
    async with Organism.load(FILE) as organism:
        with suppress(HandlerFailed):
            await organism.ask("coder", Task("The tests fail: mend it."), timeout=60)
    assert '"-": right - left' in mended(spaces)
