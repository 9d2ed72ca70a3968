"""What people see of a census: how far it has come, and a table at the end."""

from __future__ import annotations

import sys

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table as Columns
from rich.text import Text

from handlers.census.payloads import Census, NothingToCount, Part, Progress, Report, Table
from xml_pipeline import HandlerMetadata, HandlerResponse

MOST_PARTS = 12
"""Parts that have a line of their own; the others share one."""

COLUMNS = ("modules", "lines", "classes", "functions", "documented")

BAR = 40
LINES = 10
"""Lines that tell of the progress where there is no terminal to draw a bar on."""


async def show_progress(payload: Progress, metadata: HandlerMetadata) -> HandlerResponse:
    """Draw a bar on stderr, or write a line now and then where that is no terminal of ours.

    While `run` draws there, stderr is not the real one: what is written scrolls past above.
    """
    done, total = payload.done, payload.total
    told = f"{done:,} of {total:,} files"
    console = Console(stderr=True, highlight=False)
    if console.is_terminal and sys.stderr is sys.__stderr__:
        filled = BAR * done // total
        bar = Text.assemble(("━" * filled, "green"), ("━" * (BAR - filled), "dim"), f" {told}")
        console.print(bar, end="\n" if done == total else "\r")
    elif done * LINES // total > (done - 1) * LINES // total:
        sys.stderr.write(f"{told}\n")
    return HandlerResponse.respond(payload)


async def take(
    payload: Census | Report | NothingToCount, metadata: HandlerMetadata
) -> HandlerResponse:
    """Have the counter count, and answer with its report as a table."""
    match payload:
        case Census():
            return HandlerResponse(payload, to="counter")
        case Report():
            return HandlerResponse.respond(Table(table_of(payload)))
        case NothingToCount():
            return HandlerResponse.respond(payload)


def table_of(report: Report) -> str:
    """Return a report as text: a table, and a sentence or two below it."""
    shown, others = report.parts[:MOST_PARTS], report.parts[MOST_PARTS:]
    if others:
        shown = (*shown, _together(f"{len(others)} others", others))
    titles = (f"{report.of}, Python {report.python}", *COLUMNS)
    columns = Columns(box=SIMPLE, pad_edge=False, show_footer=True)
    for title, sum_of_all in zip(titles, _cells(_together("in all", report.parts)), strict=True):
        columns.add_column(title, sum_of_all, justify="right" if title in COLUMNS else "left")
    for part in shown:
        columns.add_row(*_cells(part))
    console = Console(width=100, color_system=None)
    with console.capture() as captured:
        console.print(columns)
    lines = [line[1:].rstrip() for line in captured.get().splitlines() if line.strip()]
    return "\n".join(("", *lines, "", *_sentences(report), ""))


def _cells(part: Part) -> tuple[str, ...]:
    numbers = (part.modules, part.lines, part.classes, part.functions)
    definitions = part.modules + part.classes + part.functions
    share = f"{100 * part.documented / definitions:.0f} %" if definitions else ""
    return (part.name, *(f"{number:,}" for number in numbers), share)


def _together(name: str, parts: tuple[Part, ...]) -> Part:
    return Part(
        name,
        sum(part.modules for part in parts),
        sum(part.lines for part in parts),
        sum(part.classes for part in parts),
        sum(part.functions for part in parts),
        sum(part.documented for part in parts),
    )


def _sentences(report: Report) -> list[str]:
    told = []
    if report.longest:
        told.append(f"The longest function: {report.longest}, {report.longest_lines:,} lines.")
    if report.refused:
        first, *others = report.refused
        more = f" and {len(others)} more" if others else ""
        told.append(f"No Python of this version: {first}{more}.")
    return told
