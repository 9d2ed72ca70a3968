"""The scenarios of the public compatibility kit, over every way there is to speak to a server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.a2a.dialects import WAYS, Event, heard
from tests.a2a.house import message, visiting
from tests.a2a.tck import ANSWERS, AUTH, DELAYED, FILE, INPUT, LONG
from tests.flows.corpora import corpus

ORGANISM = FILE.replace("PAUSE", "")
FILE_PART = ("file", "output.txt", "text/plain", b"file")
URL_PART = ("file", "output.txt", "text/plain", "https://example.com/output.txt")


def whole(*parts: Any) -> Event:
    return "artifact", [*parts], False, True


AT_ONCE: dict[str, list[Event]] = {
    "tck-complete-task": [("task", "completed")],
    "tck-artifact-text": [("task", "completed"), whole(("text", "Generated text content"))],
    "tck-artifact-file": [("task", "completed"), whole(FILE_PART)],
    "tck-artifact-file-url": [("task", "completed"), whole(URL_PART)],
    "tck-artifact-data": [
        ("task", "completed"),
        whole(("data", {"key": "value", "count": 42})),
    ],
    "tck-message-response": [("message", ["Direct message response"])],
    "tck-input-required": [("task", "input-required")],
    "tck-auth-required": [("task", "auth-required")],
    "tck-reject-task": [("task", "rejected")],
}
"""What is heard of a message with an id that begins so, if its outcome is waited for."""

BEGUN: list[Event] = [("task", "submitted"), ("status", "working")]
DONE: list[Event] = [("status", "completed")]

STREAMED: dict[str, list[Event]] = {
    "tck-stream-001": [*BEGUN, whole(("text", "Stream hello from TCK")), *DONE],
    "tck-stream-002": [*BEGUN, *DONE],
    "tck-stream-003": [*BEGUN, whole(("text", "Stream task lifecycle")), *DONE],
    "tck-stream-ordering-001": [*BEGUN, whole(("text", "Ordered output")), *DONE],
    "tck-stream-artifact-text": [*BEGUN, whole(("text", "Streamed text content")), *DONE],
    "tck-stream-artifact-file": [*BEGUN, whole(FILE_PART), *DONE],
    "tck-stream-artifact-chunked": [
        *BEGUN,
        ("artifact", [("text", "chunk-1 ")], False, False),
        ("artifact", [("text", "chunk-2")], True, True),
        *DONE,
    ],
}
"""What is heard of such a message while it happens."""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("prefix", AT_ONCE)
async def test_a_scenario_of_one_answer_is_played(prefix: str, way: str, tmp_path: Path) -> None:
    async with visiting(tmp_path, ORGANISM) as visitor:
        said = message("Please", id=f"{prefix}-1")
        assert await heard(visitor, way, said) == AT_ONCE[prefix]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("prefix", STREAMED)
async def test_a_scenario_of_a_stream_is_played(prefix: str, way: str, tmp_path: Path) -> None:
    async with visiting(tmp_path, ORGANISM) as visitor:
        said = message("Please", id=f"{prefix}-1")
        assert await heard(visitor, way, said, streaming=True) == STREAMED[prefix]


@pytest.mark.parametrize("way", WAYS)
async def test_an_answer_that_takes_its_time_is_waited_for(way: str, tmp_path: Path) -> None:
    async with visiting(tmp_path, FILE.replace("PAUSE", "0.01")) as visitor:
        said = message("Please", id=f"{DELAYED}-1")
        assert await heard(visitor, way, said) == [("task", "completed")]


def test_every_scenario_of_the_kit_is_played() -> None:
    text = "".join(
        each.read_text(encoding="utf-8")
        for each in sorted((corpus("a2a-tck-scenarios") / "scenarios").glob("*.feature"))
    )
    prefixes = set(re.findall(r'with prefix "([^"]+)"', text))
    assert {each for each in prefixes if each.startswith(LONG)} == {"test-resubscribe-message-id"}
    played = {*AT_ONCE, *STREAMED}
    newer = {AUTH, DELAYED}  # The kit has them since 1.0.1, the scenarios at hand are of 1.0.0.
    assert {each for each in prefixes if not each.startswith(LONG)} | newer == {*played, DELAYED}
    assert played == {*ANSWERS, INPUT, AUTH}
