"""``inject``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from xml_pipeline.cli import options
from xml_pipeline.cli.exits import FAILED, Misused
from xml_pipeline.cli.injecting import STDIN, Advance, Sent, Tally, send_all
from xml_pipeline.cli.options import Target
from xml_pipeline.cli.output import print_json, print_table, remark
from xml_pipeline.cli.reach import reached

SHOWN_FAILURES = 10
SAID = ("thread", "id", "code", "detail", "from", "type", "payload", "xml")
"""What is passed on of an answer or a problem."""


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(path_type=Path))
@click.option(
    "--wait",
    metavar="SECONDS",
    type=click.FloatRange(0.0, 600.0),
    default=0.0,
    help="Wait so long for the answer to each; without it, that it was let in is enough.",
)
@options.any_organism
@options.as_json
@options.asynchronous
async def inject(files: Sequence[Path], wait: float, target: Target, as_json: bool) -> None:
    """Send envelopes from files and tell what became of them.

    Each FILE (`-` is stdin) holds one document, one on each line, or one after the other.
    With --json, every document has a line with its place and what became of it. Exit code 1
    if any was refused or ended in a fault.
    """
    for file in files:
        if file != STDIN and not file.exists():
            raise Misused(f"{file}: there is no such file")
    tally = Tally()
    async with reached(target) as client:
        try:
            with _progress(files, tally) as advance:
                async for sent in send_all(client, files, wait, advance):
                    tally.count(sent)
                    _tell(sent, tally, as_json)
        finally:
            print_table(("what became of them", "documents"), tally.rows, err=as_json)
    if tally.failures:
        raise click.exceptions.Exit(FAILED)


def _tell(sent: Sent, tally: Tally, as_json: bool) -> None:
    """Print one document's line of JSON, or what was wrong with one of the first ones."""
    if as_json:
        print_json(_described(sent))
    elif sent.outcome.failure and tally.failures <= SHOWN_FAILURES:
        remark(f"{sent.place}: {sent.outcome.failure}")


@contextmanager
def _progress(files: Sequence[Path], tally: Tally) -> Iterator[Advance]:
    """Show how far it is, on a terminal; how many bytes there are, stdin does not tell."""
    console = Console(stderr=True)
    total = None if STDIN in files else sum(file.stat().st_size for file in files)
    columns = (
        _Counted(tally),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda read: progress.advance(task, read)


class _Counted(ProgressColumn):
    """How many documents have come to an end."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self._tally = tally

    def render(self, task: Task) -> Text:
        return Text(f"{self._tally.counts.total():,} documents")


def _described(sent: Sent) -> dict[str, Any]:
    """Return one document's line: where it was, what became of it, and what was said of it."""
    outcome = sent.outcome
    said = json.loads(outcome.answer) if outcome.answer else outcome.members
    about = {key: said[key] for key in SAID if key in said}
    return {"file": str(sent.file), "line": sent.document.line, "fate": outcome.fate, **about}
