"""What the specification requires of operations, by the names that the compatibility kit has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.a2a.house import Visitor, message, visiting
from tests.a2a.tck import FILE
from xml_pipeline.agents.payloads import Answer

ORGANISM = FILE.replace("PAUSE", "")
NOT_FOUND, NOT_CANCELABLE, UNSUPPORTED, CONTENT, VERSION, PARAMS = (
    *(-32001, -32002, -32004, -32005, -32009),
    -32602,
)


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    async with visiting(tmp_path, ORGANISM) as visitor:
        yield visitor


async def begun(visitor: Visitor, prefix: str = "tck-complete-task", **more: Any) -> dict[str, Any]:
    """Return the task that a message with such an id begins."""
    configuration = more.pop("configuration", {})
    said = message("Please", id=f"{prefix}-1", **more)
    sent = await visitor.ask("/a2a", "SendMessage", message=said, configuration=configuration)
    task: dict[str, Any] = sent["task"]
    return task


async def long_task(visitor: Visitor) -> dict[str, Any]:
    return await begun(
        visitor, "test-resubscribe-message-id", configuration={"returnImmediately": True}
    )


def finish(visitor: Visitor) -> None:
    """Give the answer that the long task waits for."""
    (thread,) = [each for each in visitor.organism.kernel.threads if each.owed is not None]
    visitor.organism.answer(thread.id, Answer("At last"))


async def until_owed(visitor: Visitor) -> None:
    """Wait until the long task has been begun."""
    async with visitor.organism.events() as events:
        if any(each.owed is not None for each in visitor.organism.kernel.threads):
            return
        async for _ in events:
            if any(each.owed is not None for each in visitor.organism.kernel.threads):
                return


# ── messages ────────────────────────────────────────────────────────────────────────────────


async def test_a_message_begins_a_task_with_ids_of_the_servers(visitor: Visitor) -> None:
    """CORE-SEND-001, CORE-MULTI-001: an id of its own, and a new context."""
    first, second = await begun(visitor), await begun(visitor)
    assert first["id"] != second["id"]
    assert first["contextId"] != second["contextId"]
    assert first["status"]["timestamp"].endswith("Z")


async def test_a_task_that_has_ended_takes_no_more_messages(visitor: Visitor) -> None:
    """CORE-SEND-002."""
    task = await begun(visitor)
    said = message("More", taskId=task["id"])
    assert await visitor.refused("/a2a", "SendMessage", message=said) == UNSUPPORTED
    assert await visitor.refused("/a2a", "SendStreamingMessage", message=said) == UNSUPPORTED


@pytest.mark.parametrize(
    "part",
    [
        {"raw": "aGk=", "mediaType": "application/x-unknown"},
        {"text": "hi", "mediaType": "application/x-unknown"},
        {"url": "http://127.0.0.1/secret", "mediaType": "text/plain"},
    ],
)
async def test_what_the_card_does_not_name_is_refused(
    visitor: Visitor, part: dict[str, str]
) -> None:
    """CORE-SEND-003."""
    said = message() | {"parts": [part]}
    assert await visitor.refused("/a2a", "SendMessage", message=said) == CONTENT


@pytest.mark.parametrize(
    "wrong",
    [
        {"parts": []},
        {"parts": [{}]},
        {"messageId": ""},
        {"messageId": "x" * 256},
        {"role": "ROLE_AGENT"},
        {"role": "ROLE_UNSPECIFIED"},
        {"contextId": "a\nb"},
        {"metadata": {"skill": "hidden"}},
    ],
    ids=lambda each: next(iter(each)),
)
async def test_a_message_that_is_none_is_refused(visitor: Visitor, wrong: dict[str, Any]) -> None:
    said = message("hi") | wrong
    assert await visitor.refused("/a2a", "SendMessage", message=said) == PARAMS


async def test_a_client_waits_until_a_task_rests_or_not_at_all(visitor: Visitor) -> None:
    """CORE-EXECUTION-MODE-001, CORE-EXECUTION-MODE-002."""
    assert (await begun(visitor))["status"]["state"] == "TASK_STATE_COMPLETED"
    asked = await begun(visitor, "tck-input-required")
    assert asked["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    assert (await long_task(visitor))["status"]["state"] in (
        "TASK_STATE_SUBMITTED",
        "TASK_STATE_WORKING",
    )


@pytest.mark.parametrize(("version", "fits"), [("1.0", True), ("0.3", False), ("2.0", False)])
async def test_a_version_that_is_not_spoken_is_refused(
    visitor: Visitor, version: str, fits: bool
) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "ListTasks"}
    for headers, query in (({"A2A-Version": version}, ""), ({}, f"?A2A-Version={version}")):
        said = (await visitor.http.post(f"/a2a{query}", json=call, headers=headers)).json()
        assert ("result" in said) is fits
        assert fits or said["error"]["code"] == VERSION


# ── contexts and tasks ──────────────────────────────────────────────────────────────────────


async def test_a_context_goes_on_under_the_name_that_it_has(visitor: Visitor) -> None:
    """CORE-MULTI-002: whoever named it; and no two tasks in it are the same."""
    task = await begun(visitor)
    again = await begun(visitor, contextId=task["contextId"])
    assert again["contextId"] == task["contextId"]
    assert again["id"] != task["id"]
    assert (await begun(visitor, contextId="of-mine"))["contextId"] == "of-mine"


async def test_a_task_that_is_not_there_is_not_found(visitor: Visitor) -> None:
    """CORE-MULTI-005, CORE-GET-002, CORE-CANCEL-003: by no operation."""
    said = message("More", taskId="not-there")
    assert await visitor.refused("/a2a", "SendMessage", message=said) == NOT_FOUND
    for method in ("GetTask", "CancelTask", "SubscribeToTask"):
        assert await visitor.refused("/a2a", method, id="not-there") == NOT_FOUND


async def test_a_context_that_is_not_the_tasks_is_refused(visitor: Visitor) -> None:
    """CORE-MULTI-006; and a task knows its context where none is named."""
    task = await begun(visitor, "tck-input-required")
    said = message("More", taskId=task["id"])
    wrong = said | {"contextId": "another"}
    assert await visitor.refused("/a2a", "SendMessage", message=wrong) == PARAMS
    done = (await visitor.ask("/a2a", "SendMessage", message=said))["task"]
    assert (done["contextId"], done["status"]["state"]) == (
        task["contextId"],
        "TASK_STATE_COMPLETED",
    )


async def test_a_task_that_asks_nothing_takes_no_message(visitor: Visitor) -> None:
    task = await long_task(visitor)
    await until_owed(visitor)
    said = message("More", taskId=task["id"])
    assert await visitor.refused("/a2a", "SendMessage", message=said) == UNSUPPORTED


async def test_a_task_is_shown_with_all_that_came_of_it(visitor: Visitor) -> None:
    """CORE-GET-001."""
    task = await begun(visitor, "tck-artifact-text")
    assert await visitor.ask("/a2a", "GetTask", id=task["id"]) == task


async def test_a_task_that_has_not_ended_can_be_cancelled_once(visitor: Visitor) -> None:
    """CORE-CANCEL-001, CORE-CANCEL-002."""
    for prefix in ("tck-input-required", "test-resubscribe-message-id"):
        task = await begun(visitor, prefix, configuration={"returnImmediately": True})
        canceled = await visitor.ask("/a2a", "CancelTask", id=task["id"])
        assert canceled["status"]["state"] == "TASK_STATE_CANCELED"
        assert await visitor.refused("/a2a", "CancelTask", id=task["id"]) == NOT_CANCELABLE
    done = await begun(visitor)
    assert await visitor.refused("/a2a", "CancelTask", id=done["id"]) == NOT_CANCELABLE
    assert len(visitor.organism.kernel.threads) == 0


@pytest.mark.parametrize(("length", "shown"), [(None, 3), (0, 0), (1, 1), (2, 2), (10, 3)])
async def test_as_much_of_the_history_is_shown_as_is_wanted(
    visitor: Visitor, length: int | None, shown: int
) -> None:
    """CORE-HIST-001 to 004: the last messages, on every operation."""
    task = await begun(visitor, "tck-input-required")
    wanted = {} if length is None else {"historyLength": length}
    said = message("This", taskId=task["id"], id="answer")
    sent = await visitor.ask("/a2a", "SendMessage", message=said, configuration=wanted)
    got = await visitor.ask("/a2a", "GetTask", id=task["id"], **wanted)
    (listed,) = (await visitor.ask("/a2a", "ListTasks", **wanted))["tasks"]
    for each in (sent["task"], got, listed):
        history = [entry["messageId"] for entry in each.get("history", [])]
        assert len(history) == shown
        assert not history or history[-1] == "answer"


async def test_a_history_of_less_than_nothing_is_refused(visitor: Visitor) -> None:
    assert await visitor.refused("/a2a", "GetTask", id="x", historyLength=-1) == PARAMS


# ── lists ───────────────────────────────────────────────────────────────────────────────────


async def test_tasks_are_listed_a_page_at_a_time_the_latest_first(visitor: Visitor) -> None:
    made = [(await begun(visitor, "tck-artifact-text"))["id"] for _ in range(5)]
    seen: list[str] = []
    token, pages = "", 0
    while pages == 0 or token:
        page = await visitor.ask("/a2a", "ListTasks", pageSize=2, pageToken=token)
        assert (page["totalSize"], page["pageSize"]) == (5, 2)
        assert all("artifacts" not in each for each in page["tasks"])
        seen += [each["id"] for each in page["tasks"]]
        token, pages = page["nextPageToken"], pages + 1
    assert (sorted(seen), pages) == (sorted(made), 3)
    times = [
        each["status"]["timestamp"] for each in (await visitor.ask("/a2a", "ListTasks"))["tasks"]
    ]
    assert times == sorted(times, reverse=True)


async def test_tasks_are_listed_by_context_state_and_time(visitor: Visitor) -> None:
    done, asked = await begun(visitor), await begun(visitor, "tck-input-required")

    async def listed(**wanted: Any) -> list[str]:
        return [each["id"] for each in (await visitor.ask("/a2a", "ListTasks", **wanted))["tasks"]]

    assert await listed(contextId=done["contextId"]) == [done["id"]]
    assert await listed(status="TASK_STATE_INPUT_REQUIRED") == [asked["id"]]
    assert await listed(statusTimestampAfter="2999-01-01T00:00:00Z") == []
    after = asked["status"]["timestamp"]
    assert asked["id"] in await listed(statusTimestampAfter=after)


@pytest.mark.parametrize("wanted", [{"pageSize": 101}, {"pageSize": 0}, {"pageToken": "?"}])
async def test_what_is_no_page_is_refused(visitor: Visitor, wanted: dict[str, Any]) -> None:
    assert await visitor.refused("/a2a", "ListTasks", **wanted) == PARAMS


# ── streams ─────────────────────────────────────────────────────────────────────────────────


async def test_whoever_subscribes_sees_the_task_and_then_all_that_comes(visitor: Visitor) -> None:
    """STREAM-SUB-001; several who do so see the same in the same order."""
    task = await long_task(visitor)
    await until_owed(visitor)
    begun_to_hear = [asyncio.Event(), asyncio.Event()]

    async def hear(number: int, method: str) -> list[dict[str, Any]]:
        heard = []
        async for piece in visitor.stream("/a2a", method, id=task["id"]):
            heard.append(piece)
            begun_to_hear[number].set()
        return heard

    hearing = [
        asyncio.create_task(hear(number, method))
        for number, method in enumerate(("SubscribeToTask", "tasks/resubscribe"))
    ]
    for each in begun_to_hear:
        await each.wait()
    finish(visitor)
    newer, older = await asyncio.gather(*hearing)
    assert [next(iter(each)) for each in newer] == ["task", "artifactUpdate", "statusUpdate"]
    assert [each["kind"] for each in older] == ["task", "artifact-update", "status-update"]
    assert newer[0]["task"]["status"]["state"] == "TASK_STATE_WORKING"
    assert older[-1]["final"] is True


async def test_nobody_subscribes_to_a_task_that_has_ended(visitor: Visitor) -> None:
    """STREAM-SUB-003."""
    task = await begun(visitor)
    assert await visitor.refused("/a2a", "SubscribeToTask", id=task["id"]) == UNSUPPORTED


async def test_a_client_that_hangs_up_leaves_the_task_as_it_is(visitor: Visitor) -> None:
    said = message("Please", id="test-resubscribe-message-id")
    async for piece in visitor.stream("/a2a", "SendStreamingMessage", message=said):
        task = piece["task"]
        break
    await until_owed(visitor)
    finish(visitor)
    await visitor.organism.drain()
    done = await visitor.ask("/a2a", "GetTask", id=task["id"])
    assert done["status"]["state"] == "TASK_STATE_COMPLETED"


async def test_a_stream_ends_where_the_client_is_asked_something(visitor: Visitor) -> None:
    said = message("Please", id="tck-input-required-1")
    states = [
        (piece.get("task") or piece["statusUpdate"])["status"]["state"]
        async for piece in visitor.stream("/a2a", "SendStreamingMessage", message=said)
    ]
    assert states[-1] == "TASK_STATE_INPUT_REQUIRED"


# ── what is not there ───────────────────────────────────────────────────────────────────────


async def test_there_is_no_other_card(visitor: Visitor) -> None:
    assert await visitor.refused("/a2a", "GetExtendedAgentCard") == UNSUPPORTED


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{", -32700),
        ('{"jsonrpc": "2.0", "id": 1}', -32600),
        ("[]", -32600),
        ('{"jsonrpc": "2.0", "id": 1, "method": "Nothing"}', -32601),
        ('{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": {}}}', PARAMS),
        ('{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {}}', PARAMS),
    ],
)
async def test_what_is_no_call_is_refused(visitor: Visitor, body: str, code: int) -> None:
    headers = {"A2A-Version": "1.0", "Content-Type": "application/json"}
    response = await visitor.http.post("/a2a", content=body, headers=headers)
    assert response.json()["error"]["code"] == code


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("message/send", {"message": {"parts": "invalid"}}, PARAMS),
        ("message/send", {"message": {"kind": "message"}}, PARAMS),
        ("message/send", {"": "nothing"}, PARAMS),
        ("message/stream", {"invalid": "params"}, PARAMS),
        ("tasks/get", None, PARAMS),
        ("tasks/none", {}, -32601),
    ],
)
async def test_what_does_not_fit_a_call_of_0_3_is_told_by_its_code(
    visitor: Visitor, method: str, params: Any, code: int
) -> None:
    body = {"jsonrpc": "2.0", "id": "7", "method": method, "params": params}
    said = (await visitor.http.post("/a2a", json=body)).json()
    assert (said["id"], said["error"]["code"]) == ("7", code)
    no_id = (await visitor.http.post("/a2a", json=body | {"id": {"bad": "type"}})).json()
    assert no_id["error"]["code"] == -32600


async def test_a_body_that_is_too_large_is_not_read(visitor: Visitor) -> None:
    response = await visitor.http.post("/a2a", content=b"x" * (1 << 21))
    assert response.status_code == 413
