"""What commands print: tables and JSON on stdout, remarks on stderr.

The rule this file guards: text that came from a message never reaches a terminal as a control
sequence. XML cannot carry ESC, but it can carry U+009B, which terminals read as one.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 10_000
"""Columns of a table that nobody has to read on a screen: nothing is cut off or wrapped."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    r"""Return the text with control and direction characters written as ``\x9b``."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def print_result(text: str) -> None:
    """Print text from a message: as it is into a pipe or file, harmless on a terminal."""
    click.echo(printable(text) if sys.stdout.isatty() else text)


def print_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    click.echo(_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def remark(text: str) -> None:
    """Print something that is no result."""
    click.echo(printable(text), err=True)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, err: bool = False
) -> None:
    """Print a table: drawn on a terminal, elsewhere plain columns of whatever width."""
    console = Console(stderr=err)
    table = Table(box=SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    if console.is_terminal:
        console.print(table)
    else:
        plain = Console(width=WIDE, no_color=True)
        with plain.capture() as captured:
            plain.print(table)
        lines = (line.rstrip() for line in captured.get().splitlines())
        click.echo("\n".join(lines), err=err)
