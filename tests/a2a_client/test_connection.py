"""Agents that hang, break off, come back, or were never there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.a2a_client.caller import CALLER, Lines, Replies
from tests.a2a_client.house import (
    WIRES,
    Elsewhere,
    Fault,
    Told,
    answered,
    approve,
    cut,
    organism,
    pinned,
    served,
    written,
)
from xml_pipeline import Organism
from xml_pipeline.a2a.payloads import A2aAnswer, A2aMessage
from xml_pipeline.errors import Timeout
from xml_pipeline.events import MessageReceived, ToolProgress
from xml_pipeline.tool_error import ToolError

NOWHERE = "http://127.0.0.1:9"
CARD = "/.well-known/agent-card.json"
SEND, STREAM, ASK, CANCEL = "SendMessage", "SendStreamingMessage", "GetTask", "CancelTask"
FAST = {"poll": 0.02}


async def test_an_agent_that_is_not_there_is_tried_a_few_times_and_then_told_of(
    tmp_path: Path,
) -> None:
    async with pinned(tmp_path, url=NOWHERE) as running:
        answer = await running.ask("parrot", A2aMessage("Hello!"))
    assert isinstance(answer, ToolError)
    assert answer.message.startswith("parrot cannot be reached: ")


async def test_an_agent_that_does_not_say_who_it_is_in_time_is_told_of(tmp_path: Path) -> None:
    async with served() as there:
        there.faults[CARD] = [lambda app: _never] * 3
        at = {"url": there.url, "connect_timeout": 0.1}
        async with pinned(tmp_path, **at) as running:
            answer = await running.ask("parrot", A2aMessage("Hello!"))
    assert answer == ToolError("parrot cannot be reached: it does not answer in time")


async def _never(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("code", [429, 503])
async def test_an_agent_that_has_no_time_is_asked_again(tmp_path: Path, code: int) -> None:
    async with served() as there, organism(tmp_path, parrot={"url": there.url}) as running:
        there.faults[STREAM] = [answered(code)]
        answer = await running.ask("parrot", A2aMessage("Hello!"))
    assert isinstance(answer, A2aAnswer)
    assert len({each.message_id for each in there.parrot.heard}) == 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (answered(500), "answers with HTTP status 500"),
        (answered(401), "answers with HTTP status 401"),
        (answered(302, location=NOWHERE), "answers with HTTP status 302"),
        (answered(200, "{", content_type="application/json"), "refuses: JSON Decode Error"),
        (answered(200, "[]", content_type="application/json"), "refuses: Invalid JSON-RPC"),
        (answered(200, "{}", content_type="application/json"), "refuses: Invalid JSON-RPC"),
        (answered(200, '{"result": 1}', content_type="application/json"), "gave an answer"),
        (answered(200, '{"result": {}}', content_type="application/json"), "gave an answer"),
        (answered(200, "x", content_encoding="gzip"), "cannot be read: it sends what was not"),
        (cut(0), "broke; it may have done it, or not"),
    ],
    ids=["500", "401", "moved", "no JSON", "list", "empty", "number", "nothing", "packed", "cut"],
)
async def test_an_answer_that_is_none_is_told_of_and_nothing_is_sent_twice(
    tmp_path: Path, fault: Fault, words: str
) -> None:
    async with (
        served(streaming=False) as there,
        organism(tmp_path, parrot={"url": there.url}) as running,
    ):
        there.faults[SEND] = [fault]
        answer = await running.ask("parrot", A2aMessage("Hello!"))
    assert isinstance(answer, ToolError)
    assert words in answer.message
    assert there.calls.count(SEND) == 1


async def test_a_stream_that_says_nothing_is_told_of(tmp_path: Path) -> None:
    async with served() as there, organism(tmp_path, parrot={"url": there.url}) as running:
        there.faults[STREAM] = [answered(200, content_type="text/event-stream")]
        answer = await running.ask("parrot", A2aMessage("Hello!"))
    assert answer == ToolError("parrot has said nothing")


@pytest.mark.parametrize("wire", WIRES[:2])
async def test_where_the_stream_breaks_the_agent_is_asked_how_far_it_is(
    tmp_path: Path, wire: str
) -> None:
    async with (
        served(wire) as there,
        organism(tmp_path, parrot={"url": there.url, **FAST}) as running,
    ):
        there.faults[STREAM] = there.faults["message/stream"] = [cut(1)]
        asking = asyncio.create_task(running.ask("parrot", A2aMessage("wait")))
        await there.called(ASK if wire == "1.0" else "tasks/get")
        there.parrot.go.set()
        answer = await asking
    assert isinstance(answer, A2aAnswer)
    assert answer.text == "It was worth it."
    assert len(there.parrot.heard) == 1


@pytest.mark.parametrize(
    "faults",
    [[answered(500)] * 3, [answered(503)] * 3, [cut(0)] * 3, [lambda app: _never]],
    ids=["500", "503", "cut", "silence"],
)
async def test_failures_on_the_way_are_borne_while_it_works(
    tmp_path: Path, faults: list[Fault]
) -> None:
    async with (
        served(streaming=False) as there,
        organism(tmp_path, parrot={"url": there.url, **FAST, "connect_timeout": 3}) as running,
    ):
        there.faults[ASK] = [*faults]
        asking = asyncio.create_task(running.ask("parrot", A2aMessage("wait")))
        await there.called(ASK, len(faults) + 1)
        there.parrot.go.set()
        answer = await asking
    assert isinstance(answer, A2aAnswer)
    assert answer.text == "It was worth it."


GONE = '{"jsonrpc": "2.0", "id": 1, "error": {"code": -32001, "message": "Task not found"}}'


async def test_a_task_that_is_gone_is_told_of(tmp_path: Path) -> None:
    async with (
        served(streaming=False) as there,
        organism(tmp_path, parrot={"url": there.url, **FAST}) as running,
    ):
        there.faults[ASK] = [answered(200, GONE, content_type="application/json")]
        answer = await running.ask("parrot", A2aMessage("wait"))
    assert answer == ToolError("parrot refuses: Task not found")


WAYS = [*((wire, True) for wire in WIRES), ("1.0", False), ("0.3", False)]
NAMED = [f"{wire} {'streaming' if stream else 'asked'}" for wire, stream in WAYS]


@pytest.mark.parametrize(("wire", "streaming"), WAYS, ids=NAMED)
async def test_what_is_killed_is_cancelled_there(
    tmp_path: Path, wire: str, streaming: bool
) -> None:
    async with (
        served(wire, streaming=streaming) as there,
        organism(tmp_path, parrot={"url": there.url, **FAST}) as running,
    ):
        thread = await running.send("parrot", A2aMessage("forever"))
        await there.parrot.began.wait()
        running.kill(thread)
        assert await there.parrot.cancelled.wait()


@pytest.mark.parametrize("streaming", [True, False], ids=["streaming", "asked"])
async def test_what_takes_too_long_is_cancelled_there(tmp_path: Path, streaming: bool) -> None:
    async with (
        served(streaming=streaming) as there,
        organism(tmp_path, parrot={"url": there.url, **FAST, "timeout": 3}) as running,
    ):
        with pytest.raises(Timeout):
            await running.ask("parrot", A2aMessage("forever"))
        assert await there.parrot.cancelled.wait()


async def restarted(file: Path, there: Elsewhere) -> Replies:
    """Run an organism again, and return what its caller says to the world outside."""
    organism = Organism.load(file)
    told = Told(organism, MessageReceived)
    async with organism:
        there.parrot.go.set()
        while not isinstance(said := (await told.next()).payload, Replies):
            pass
    return said


LINES = Lines(("Hello!", "wait", "more"))


async def left(file: Path) -> None:
    """Run an organism until the second line is being worked at, and stop it then."""
    async with Organism.load(file) as running:
        told = Told(running, ToolProgress)
        await running.send("caller", LINES)
        await told.next()


async def test_after_a_restart_the_conversation_goes_on_where_it_was(tmp_path: Path) -> None:
    async with served() as there:
        file = written(tmp_path, CALLER, parrot={"url": there.url, **FAST})
        await approve(file)
        await left(file)
        await there.parrot.cancelled.wait()  # Nobody would have heard of it.
        replies = await restarted(file, there)
    first, waiting, again, last = there.parrot.heard
    assert waiting.message_id == again.message_id
    assert {waiting.context_id, again.context_id, last.context_id} == {first.context_id}
    assert replies.texts[1] == "completed: It was worth it."


@pytest.mark.parametrize("away", [0, 1])
async def test_a_task_that_outlived_us_is_waited_for_and_not_begun_again(
    tmp_path: Path, away: int
) -> None:
    async with served() as there:
        file = written(tmp_path, CALLER, parrot={"url": there.url, **FAST})
        await approve(file)
        there.faults[CANCEL] = [answered(500)]
        await left(file)
        there.faults[ASK] = [answered(503)] * away
        replies = await restarted(file, there)
    assert [each.parts[0].text for each in there.parrot.heard] == ["Hello!", "wait", "more"]
    assert replies.texts[1] == "completed: It was worth it."


async def test_a_task_that_is_not_known_there_any_more_is_begun_again(tmp_path: Path) -> None:
    async with served() as there:
        file = written(tmp_path, CALLER, parrot={"url": there.url, **FAST})
        await approve(file)
        there.faults[CANCEL] = [answered(500)]
        await left(file)
        there.faults[ASK] = [answered(200, GONE, content_type="application/json")]
        replies = await restarted(file, there)
    assert [each.parts[0].text for each in there.parrot.heard] == ["Hello!", "wait", "wait", "more"]
    assert replies.texts[1] == "completed: It was worth it."


async def test_what_never_says_what_it_is_doing_cannot_be_cancelled(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with served() as there:
        there.faults[STREAM] = [lambda app: _never]
        async with organism(tmp_path, parrot={"url": there.url}) as running:
            thread = await running.send("parrot", A2aMessage("Hello!"))
            await there.called(STREAM)
            running.kill(thread)
    assert "parrot was not told in time that nobody waits any more" in caplog.text
