"""Tasks after a restart: what the journal tells of them, and what goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.a2a.house import Visitor, message, visiting
from tests.a2a.tck import FILE
from xml_pipeline.agents.payloads import Answer

ORGANISM = FILE.replace("PAUSE", "")
JOURNAL = "journal.db"


async def sent(visitor: Visitor, said: dict[str, Any], **more: Any) -> dict[str, Any]:
    task: dict[str, Any] = (await visitor.ask("/a2a", "SendMessage", message=said, **more))["task"]
    return task


@pytest.mark.parametrize("prefix", ["tck-complete-task", "tck-artifact-data", "tck-reject-task"])
async def test_a_task_that_has_ended_is_the_same_after_a_restart(
    prefix: str, tmp_path: Path
) -> None:
    async with visiting(tmp_path, ORGANISM, JOURNAL) as visitor:
        before = await sent(visitor, message("Please", id=prefix))
    async with visiting(tmp_path, ORGANISM, JOURNAL) as visitor:
        after = await visitor.ask("/a2a", "GetTask", id=before["id"])
        listed = await visitor.ask("/a2a", "ListTasks", includeArtifacts=True)
        assert [each["id"] for each in listed["tasks"]] == [before["id"]]
    assert after == before


async def test_a_task_that_was_cancelled_is_still_so_after_a_restart(tmp_path: Path) -> None:
    async with visiting(tmp_path, ORGANISM, JOURNAL) as visitor:
        task = await sent(visitor, message("Please", id="tck-input-required"))
        await visitor.ask("/a2a", "CancelTask", id=task["id"])
    async with visiting(tmp_path, ORGANISM, JOURNAL) as visitor:
        after = await visitor.ask("/a2a", "GetTask", id=task["id"])
        assert after["status"]["state"] == "TASK_STATE_CANCELED"


async def test_a_question_can_be_answered_after_a_restart(tmp_path: Path) -> None:
    async with visiting(tmp_path, ORGANISM, JOURNAL) as visitor:
        before = await sent(visitor, message("Please", id="tck-input-required"))
    async with visiting(tmp_path, ORGANISM, JOURNAL) as visitor:
        asked = await visitor.ask("/a2a", "GetTask", id=before["id"])
        assert asked["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
        done = await sent(visitor, message("This", taskId=before["id"], id="m2"))
        assert done["status"]["state"] == "TASK_STATE_COMPLETED"
    async with visiting(tmp_path, ORGANISM, JOURNAL) as visitor:
        after = await visitor.ask("/a2a", "GetTask", id=before["id"])
        history = [each["messageId"] for each in after["history"]]
        assert [history[0], *history[2:]] == ["tck-input-required", "m2"]
        assert after["artifacts"] == done["artifacts"]


async def test_a_context_keeps_its_name_over_a_restart(tmp_path: Path) -> None:
    async with visiting(tmp_path, ORGANISM, JOURNAL) as visitor:
        first = await sent(visitor, message("Please", contextId="mine"))
    async with visiting(tmp_path, ORGANISM, JOURNAL) as visitor:
        second = await sent(visitor, message("Please", contextId="mine"))
        listed = await visitor.ask("/a2a", "ListTasks", contextId="mine")
        assert {each["id"] for each in listed["tasks"]} == {first["id"], second["id"]}


async def test_without_a_journal_nothing_is_known_after_a_restart(tmp_path: Path) -> None:
    async with visiting(tmp_path, ORGANISM) as visitor:
        task = await sent(visitor, message("Please"))
    async with visiting(tmp_path, ORGANISM) as visitor:
        assert await visitor.refused("/a2a", "GetTask", id=task["id"]) == -32001


async def test_a_task_that_was_under_way_goes_on_after_a_restart(tmp_path: Path) -> None:
    said = message("Please", id="test-resubscribe-message-id")
    async with visiting(tmp_path, ORGANISM, JOURNAL) as visitor:
        task = await sent(visitor, said, configuration={"returnImmediately": True})
        await visitor.organism.drain()
    async with visiting(tmp_path, ORGANISM, JOURNAL) as visitor:
        heard: list[str] = []
        async for piece in visitor.stream("/a2a", "SubscribeToTask", id=task["id"]):
            if not heard:
                (thread,) = [each for each in visitor.organism.kernel.threads if each.owed]
                visitor.organism.answer(thread.id, Answer("At last"))
            heard.append(next(iter(piece)))
        assert heard == ["task", "artifactUpdate", "statusUpdate"]
        after = await visitor.ask("/a2a", "GetTask", id=task["id"])
        assert after["status"]["state"] == "TASK_STATE_COMPLETED"


async def test_whoever_subscribes_where_something_is_asked_hears_what_comes_of_it(
    tmp_path: Path,
) -> None:
    async with visiting(tmp_path, ORGANISM) as visitor:
        task = await sent(visitor, message("Please", id="tck-input-required"))
        states: list[str] = []
        async for piece in visitor.stream("/a2a", "SubscribeToTask", id=task["id"]):
            if not states:
                answer = message("This", taskId=task["id"])
                await sent(visitor, answer, configuration={"returnImmediately": True})
            told = piece.get("task") or piece.get("statusUpdate")
            states += [told["status"]["state"].removeprefix("TASK_STATE_")] if told else []
    assert states == ["INPUT_REQUIRED", "WORKING", "COMPLETED"]


async def test_a_stop_is_no_end_of_a_task(tmp_path: Path) -> None:
    said = message("Please", id="test-resubscribe-message-id")
    async with visiting(tmp_path, ORGANISM, JOURNAL) as visitor:
        await sent(visitor, said, configuration={"returnImmediately": True})
        await visitor.organism.drain()
    async with visiting(tmp_path, ORGANISM, JOURNAL) as visitor:
        journal = visitor.organism.kernel.journal
        (mark,) = await journal.backend.marks("a2a", journal.clock())
        assert json.loads(mark.value)["ended"] == 0.0
