"""The live summary: a snapshot of the flow, drawn for a terminal of a given height."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from xml_pipeline.cli.flow import ListenerFlow, Snapshot
from xml_pipeline.cli.line_editor import LineEditor
from xml_pipeline.cli.output import printable
from xml_pipeline.events import FaultEvent, ReloadEvent

PROMPT = "> "
FEWEST_LISTENERS = 3
OTHER_LINES = 8
"""Lines of the summary that are not listeners, messages or faults."""


class Summary:
    """What a terminal shows: what flows, and the line that is being typed."""

    def __init__(self, name: str, address: str, snapshot: Snapshot, typed: LineEditor | None):
        self._name = name
        self._address = address
        self._now = snapshot
        self._typed = typed

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it, leaving out what does not fit."""
        latest = [*self._messages(), *self._faults()]
        room = options.max_height if options.height is None else options.height
        shown = max(FEWEST_LISTENERS, room - OTHER_LINES - len(latest))
        yield Group(self._head(), self._numbers(), self._listeners(shown), *latest)
        if self._typed is not None:
            yield typed_line(self._typed, options.max_width)

    def _head(self) -> Text:
        uptime = timedelta(seconds=int(self._now.uptime))
        return Text.assemble(
            (printable(self._name), "bold"),
            f"  {self._address}  up {uptime}",
            no_wrap=True,
            overflow="ellipsis",
        )

    def _numbers(self) -> Text:
        now = self._now
        return Text.assemble(
            (f"{now.messages:,} messages", "bold"),
            f"  {now.rate:,.0f}/s  {now.conversations:,} conversations  {now.threads:,} threads",
            f"  {now.running:,} running  {now.waiting:,} waiting  ",
            (f"{now.faults:,} faults", "bold red" if now.faults else ""),
            no_wrap=True,
            overflow="ellipsis",
        )

    def _listeners(self, shown: int) -> RenderableType:
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        table.add_column("listener", no_wrap=True)
        for column in ("messages", "per second", "running", "waiting"):
            table.add_column(column, justify="right", no_wrap=True)
        spends = any(flow.tokens for flow in self._now.listeners)
        for column in ("tokens", "cost") if spends else ():
            table.add_column(column, justify="right", no_wrap=True)
        for flow in self._now.listeners[:shown]:
            table.add_row(*_cells(flow), *(_spent(flow) if spends else ()))
        if hidden := len(self._now.listeners) - shown:
            table.caption = f"and {hidden} more" if hidden > 0 else None
        return table

    def _messages(self) -> Iterator[Text]:
        for event in self._now.latest_messages:
            yield _line(f"{event.from_id} → {event.to_id}  {event.payload_type}", "dim")

    def _faults(self) -> Iterator[Text]:
        for when, event in self._now.latest_faults:
            yield fault_line(when, event)
        if self._now.latest_reload:
            yield reload_line(*self._now.latest_reload)


def _cells(flow: ListenerFlow) -> tuple[Text, ...]:
    name = Text(flow.name)
    if flow.paused:
        name.append(" (paused)", "yellow")
    if flow.thinking:
        times = f": {flow.thinking}" if flow.thinking > 1 else ""
        name.append(f" (thinking{times})", "cyan")
    numbers = (f"{flow.messages:,}", f"{flow.rate:,.0f}", f"{flow.running:,}", f"{flow.waiting:,}")
    return (name, *(Text(number) for number in numbers))


def _spent(flow: ListenerFlow) -> tuple[str, str]:
    """Return what an agent has spent; nothing for those who do not think."""
    return (f"{flow.tokens:,}" if flow.tokens else "", f"${flow.usd:.4f}" if flow.usd else "")


def fault_line(when: datetime, event: FaultEvent) -> Text:
    """Return one line about a fault; its details are in the log, under its id."""
    way = f"{event.from_id} → {event.to_id or '?'}"
    detail = event.detail.strip().splitlines()[-1:] or [""]
    return _line(f"{when:%H:%M:%S} {event.code} {way}  {event.id}  {detail[0]}", "red")


def reload_line(when: datetime, event: ReloadEvent) -> Text:
    """Return one line about the latest reload."""
    if not event.applied:
        return _line(f"{when:%H:%M:%S} not reloaded: {event.problems[0]}", "red")
    changes = {"added": event.added, "removed": event.removed, "changed": event.changed}
    told = [f"{word} {', '.join(names)}" for word, names in changes.items() if names]
    return _line(f"{when:%H:%M:%S} reloaded: {'; '.join(told) or 'no listener changed'}", "green")


def _line(text: str, style: str) -> Text:
    return Text(printable(text), style, no_wrap=True, overflow="ellipsis")


def typed_line(editor: LineEditor, width: int) -> Text:
    """Return the line that is being typed, with its cursor, cut to what surrounds that."""
    room = max(1, width - len(PROMPT) - 1)
    first = max(0, editor.cursor - room + 1)
    before = printable(editor.text[first : editor.cursor])
    at = editor.text[editor.cursor : editor.cursor + 1] or " "
    after = editor.text[editor.cursor + 1 : first + room]
    return Text.assemble(
        (PROMPT, "bold"), before, (at, "reverse"), after, no_wrap=True, overflow="crop"
    )
