"""Log lines: whoever writes them, they say on whose behalf."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import structlog

from xml_pipeline.cli.text_logs import text_lines
from xml_pipeline.errors import HandlerFailed
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.logs import CHATTERING, json_lines, log_lines
from xml_pipeline.organism import Organism
from xml_pipeline.payload import xmlify

log = logging.getLogger("handlers.standard")


@xmlify
@dataclass(frozen=True, slots=True)
class Say:
    """A text to be logged."""

    text: str


class Printed:
    """What was written to stderr."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    @contextmanager
    def logging(self, level: str = "info") -> Iterator[None]:
        with log_lines(json_lines(), level):
            yield

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._capsys.readouterr().err.splitlines()]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    return Printed(capsys)


async def tell(payload: Say, metadata: HandlerMetadata) -> HandlerResponse:
    log.info("%s, by logging", payload.text, extra={"object": {1}})
    structlog.get_logger("handlers.structured").info("by structlog", text=payload.text)
    await asyncio.to_thread(log.warning, "from a thread")
    if payload.text == "fail":
        raise ValueError(payload.text)
    return HandlerResponse.respond(payload)


async def asked(text: str) -> tuple[str, str]:
    """Return the ids of the thread and of the message on which a text was told."""
    teller = Listener("teller", Say, tell, description="Logs.")
    async with Organism([teller]) as organism:
        answer = await organism.ask_for_delivery("teller", Say(text))
        thread = answer.conversation.id
        return thread, f"{thread}.1"


async def test_lines_of_a_handler_say_which_message_it_was_about(printed: Printed) -> None:
    with printed.logging():
        thread, message = await asked("hello")
    lines = printed.lines
    assert [line["event"] for line in lines] == [
        "hello, by logging",
        "by structlog",
        "from a thread",
    ]
    about = {"listener": "teller", "thread_id": thread, "message_id": message}
    assert all({**line, **about, "conversation_id": thread} == line for line in lines)
    assert [line["logger"] for line in lines[:2]] == ["handlers.standard", "handlers.structured"]
    assert (lines[0]["object"], lines[1]["text"]) == ("{1}", "hello")
    assert [line["level"] for line in lines] == ["info", "info", "warning"]


async def test_the_line_of_a_fault_has_its_details_and_its_message(printed: Printed) -> None:
    with printed.logging("warning"), pytest.raises(HandlerFailed) as failed:
        await asked("fail")
    (line,) = (line for line in printed.lines if failed.value.id in line["event"])
    assert "ValueError: fail" in line["event"]
    assert line["message_id"] == f"{line['thread_id']}.1"
    assert line["listener"] == "teller"


def test_an_exception_is_one_line_with_its_traceback(printed: Printed) -> None:
    with printed.logging():
        try:
            raise KeyError("key")
        except KeyError:
            log.exception("by logging")
            structlog.get_logger().exception("by structlog")
    for line in printed.lines:
        assert line["exception"].endswith("KeyError: 'key'")
        assert line["level"] == "error"
        assert "listener" not in line


def test_levels_are_kept_and_libraries_chatter_only_for_debugging(printed: Printed) -> None:
    with printed.logging():
        log.debug("no")
        for name in CHATTERING:
            logging.getLogger(name).info("no")
            logging.getLogger(name).warning(name)
    with printed.logging("debug"):
        log.debug("debug")
        logging.getLogger(CHATTERING[0]).info("chatter")
    assert [line["event"] for line in printed.lines] == [*CHATTERING, "debug", "chatter"]


def test_afterwards_logging_is_as_it_was(printed: Printed) -> None:
    root = logging.getLogger()
    before = root.level, [*root.handlers], logging.getLogger("httpx").level
    with printed.logging():
        assert (root.level, root.handlers) != before[:2]
    assert (root.level, root.handlers, logging.getLogger("httpx").level) == before
    assert not structlog.is_configured()


async def test_lines_for_people_are_short_and_harmless(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with log_lines(text_lines(colors=False)):
        thread, _ = await asked("\x9b31m")
        log.info("outside", extra={"number": 1})
    lines = capsys.readouterr().err.splitlines()
    first, last = lines[0], lines[-1]
    assert "[info] \\x9b31m, by logging" in first
    assert f"listener=teller message=1 object={{1}} thread={thread[:8]}" in first
    assert last.endswith("[info] outside number=1")
    assert len(first.partition(" ")[0]) == len("12:34:56")


def test_tracebacks_for_people_do_not_show_what_is_in_variables(
    capsys: pytest.CaptureFixture[str],
) -> None:
    secret = "not to be shown"
    with log_lines(text_lines(colors=True)):
        try:
            raise KeyError(len(secret))
        except KeyError:
            log.exception("failed")
    text = capsys.readouterr().err
    assert "KeyError: 15" in text
    assert secret not in text
