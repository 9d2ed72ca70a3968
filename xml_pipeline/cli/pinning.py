"""Showing what others have, and writing down what of it is approved."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from xml_pipeline.cli.exits import Failed, Misused
from xml_pipeline.cli.output import print_result, remark


def approve(file: Path, told: Sequence[str], text: str, *, yes: bool) -> None:
    """Show what is otherwise than was approved, and write the file once somebody has said yes.

    Failed where they say no.
    """
    if not told:
        remark(f"All is as it was approved in {file}.")
        return
    for line in told:
        print_result(line)
    if not yes and not click.confirm("Approve this?", err=True):
        raise Failed("nothing was approved")
    _write(file, text)
    remark(f"Approved: {file}.")


def _write(file: Path, text: str) -> None:
    """Replace the file as a whole: whoever reads it at this moment reads one or the other."""
    beside = file.with_name(f".{file.name}.new")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, file)
    except OSError as error:
        raise Misused(f"{file}: {error.strerror}") from None
