"""A running organism on a terminal: what flows is shown, and lines are taken."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from xml_pipeline.approvals import Decision
from xml_pipeline.cli import words
from xml_pipeline.cli.answers import payload_of
from xml_pipeline.cli.client import XML, Client
from xml_pipeline.cli.flow import Flow
from xml_pipeline.cli.line_editor import LineEditor
from xml_pipeline.cli.output import printable
from xml_pipeline.cli.questions import QUESTIONS, answer_questions, shown
from xml_pipeline.cli.raw_terminal import in_foreground, keys_one_by_one, let_go
from xml_pipeline.cli.signals import Signals
from xml_pipeline.cli.summary import Summary
from xml_pipeline.errors import UnknownThread, XmlPipelineError
from xml_pipeline.events import AgentEvent, Event, MessageReceived
from xml_pipeline.organism import Organism
from xml_pipeline.payload import codec_of

REFRESH_EVERY = 0.25
"""Seconds between two drawings, whatever happens in between."""

SITTER = "console"
"""Who decides what is typed here."""

WAIT = 600.0
"""Seconds that an answer to a typed line may take."""

HOW_TO = "write @listener and a payload: XML, JSON, or the text of its one field"
ASKED = "{agent} asks to call {tool}: {payload}\nwrite `allow {id}` or `deny {id} why`"
HOW_TO_ANSWER = "write `answer {id} …`, with | between several answers"
SHORT = 8
"""Characters of a thread's id that are shown; any beginning is taken that fits one alone."""
_LINE = re.compile(r"\s*@(?P<to>\S+)\s+(?P<payload>\S.*?)\s*", re.DOTALL)

_DECISION = re.compile(r"\s*(?P<decision>allow|deny)\s+(?P<id>\S+)\s*(?P<reason>.*?)\s*", re.DOTALL)

_ANSWER = re.compile(r"\s*answer\s+(?P<id>\S+)\s+(?P<answers>\S.*?)\s*", re.DOTALL)


def is_terminal() -> bool:
    """Tell whether there are people to show something to."""
    stdout = sys.stdout
    return stdout.isatty() and in_foreground(stdout.fileno()) and not Console().is_dumb_terminal


def reads_logs() -> bool:
    """Tell whether somebody reads the log lines as they come: on the same terminal."""
    return is_terminal() and sys.stderr.isatty()


def has_colors() -> bool:
    """Tell whether the terminal has colours, and whoever sits there wants them."""
    console = Console()
    return console.color_system is not None and not console.no_color


class Screen:
    """The terminal of one organism, with the address that is shown."""

    def __init__(self, organism: Organism, client: Client, address: str, signals: Signals) -> None:
        self._organism = organism
        self._client = client
        self._address = address
        self._signals = signals
        self._terminals = [each for each in range(3) if os.isatty(each)]
        self._editor: LineEditor | None = None
        self._asking: set[asyncio.Task[None]] = set()
        self._flow = Flow(organism, asyncio.get_running_loop().time)
        self._console = Console()
        self._live = Live(
            get_renderable=self._drawn,
            console=self._console,
            auto_refresh=False,
            redirect_stderr=sys.stderr.isatty(),
        )

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Draw while the context is open; log lines and answers scroll past above."""
        with ExitStack() as stack:
            stack.callback(self._organism.subscribe(self._flow.note))
            if sys.stdin.isatty():
                self._take_lines(stack)
                stack.callback(self._organism.subscribe(self._ask_whoever_sits_here))
                stack.enter_context(self._organism.approvals.attend())
            stack.enter_context(self._live)
            refreshing = asyncio.create_task(self._refresh())
            try:
                yield
            finally:
                for task in (refreshing, *self._asking):
                    task.cancel()
                self._editor = None
                self._draw()

    def _take_lines(self, stack: ExitStack) -> None:
        terminal = sys.stdin.fileno()
        self._editor = LineEditor(self._names)
        restore = stack.enter_context(keys_one_by_one(terminal))
        self._signals.last_words.append(restore)
        loop = asyncio.get_running_loop()
        loop.add_reader(terminal, self._read, terminal, self._editor)
        stack.callback(loop.remove_reader, terminal)

    def _read(self, terminal: int, editor: LineEditor) -> None:
        try:
            typed = os.read(terminal, 4096)
        except OSError:
            typed = b""
        if not typed:
            self._lose_terminal()
        for line in editor.feed(typed):
            if line is None:
                self._signals.stop()
            elif line.strip():
                self._obey(line)
        self._draw()

    def _draw(self) -> None:
        try:
            self._live.refresh()
        except OSError:
            self._lose_terminal()

    def _lose_terminal(self) -> None:
        """Stop, because there is nobody any more: the window was closed, or the line was cut."""
        if self._editor is not None:
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        let_go(self._terminals)
        self._signals.stop()

    def _obey(self, line: str) -> None:
        self._print(f"> {line}", "bold")
        if decided := _DECISION.fullmatch(line):
            said: dict[str, Any] = decided.groupdict()
            self._decide(**said)
            return
        if answered := _ANSWER.fullmatch(line):
            self._begin(self._answer(answered["id"], answered["answers"].split("|")))
            return
        found = _LINE.fullmatch(line)
        if found is None:
            self._print(HOW_TO, "yellow")
            return
        self._begin(self._ask(found["to"], found["payload"]))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        asking = asyncio.create_task(work)
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)

    def _ask_whoever_sits_here(self, event: Event) -> None:
        if isinstance(event, AgentEvent) and event.step == "approval_requested":
            about = {"agent": event.agent, "id": event.thread_id[:SHORT], **event.about}
            self._print(ASKED.format_map(about), "yellow")
        elif isinstance(event, MessageReceived) and event.payload_type == QUESTIONS:
            asked = codec_of(type(event.payload)).to_json(event.payload)["questions"]
            lines = [line for each in asked for line in shown(each)]
            how = HOW_TO_ANSWER.format(id=event.thread_id[:SHORT])
            self._print("\n".join((f"{event.from_id} asks:", *lines, how)), "yellow")

    def _decide(self, decision: Decision, id: str, reason: str) -> None:
        approvals = self._organism.approvals
        found = [each.id for each in approvals.waiting() if each.id.startswith(id)]
        try:
            if len(found) != 1:
                raise UnknownThread(f"{len(found)} calls wait on {id!r}")
            approvals.decide(found[0], decision, by=SITTER, reason=reason)
        except (XmlPipelineError, ValueError) as error:
            self._print(str(error), "red")

    async def _answer(self, id: str, answers: Sequence[str]) -> None:
        try:
            await answer_questions(self._client, id, answers)
        except click.ClickException as error:
            self._print(error.message, "red")

    async def _ask(self, to: str, payload: str) -> None:
        try:
            message = await words.message(self._client, to, payload)
            outcome = await self._client.post(message, wait=WAIT, accept=XML)
        except click.ClickException as error:
            self._print(error.message, "red")
            return
        if outcome.answer:
            answer = payload_of(outcome.answer, indented=True)
            gap = "\n" if "\n" in answer else " "  # several lines begin below each other
            self._print(f"{to}:{gap}{answer}", "green")
        else:
            self._print(f"{to}: {outcome.failure or outcome.fate}", "yellow")

    async def _refresh(self) -> None:
        while True:
            self._draw()
            await asyncio.sleep(REFRESH_EVERY)

    def _drawn(self) -> Summary:
        name = self._organism.config.organism.name
        return Summary(name, self._address, self._flow.snapshot(), self._editor)

    def _names(self, begun: str) -> Iterator[str]:
        names = (f"@{each.name}" for each in self._organism.listeners)
        return (name for name in names if name.startswith(begun))

    def _print(self, text: str, style: str) -> None:
        self._console.print(Text(printable(text), style))
