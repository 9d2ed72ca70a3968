"""``check``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from xml_pipeline.cli.drawing import payload_names
from xml_pipeline.cli.exits import USAGE
from xml_pipeline.cli.options import as_json, organism_file
from xml_pipeline.cli.output import print_json, print_result, print_table, remark
from xml_pipeline.config import load_config
from xml_pipeline.errors import ConfigError
from xml_pipeline.listener import Listener
from xml_pipeline.organism import Organism
from xml_pipeline.system import SYSTEM

_PLACED = re.compile(r"(?P<file>.+?):(?P<line>\d+):(?P<column>\d+): (?P<text>.+)", re.DOTALL)


@click.command()
@organism_file
@as_json
@click.pass_context
def check(ctx: click.Context, file: Path, as_json: bool) -> None:
    """Load an organism and report whatever is wrong with its file.

    Everything that `run` would import is imported. Exit code 2 if the file cannot be used.
    """
    try:
        listeners = [each for each in Organism.load(file).listeners if not _is_ours(each)]
        warnings = load_config(file).warnings
    except ConfigError as error:
        _report_problems(file, error, as_json)
        ctx.exit(USAGE)
    if as_json:
        _print_report(file, (), warnings, listeners)
        return
    rows = (
        (each.name, _lines(payload_names(each)), _lines(each.peers), ", ".join(_traits(each)))
        for each in listeners
    )
    print_table(("listener", "accepts", "peers", "is"), rows)
    for warning in warnings:
        print_result(_as_warning(warning))
    remark(f"{file} is fine: {len(listeners)} listeners.")


def _is_ours(listener: Listener) -> bool:
    return listener.name.startswith(f"{SYSTEM}.")


def _lines(names: Iterable[str]) -> str:
    return ", ".join(names)


def _traits(listener: Listener) -> list[str]:
    traits = {
        "agent": listener.agent,
        "broadcast": listener.broadcast,
        "cpu-bound": listener.cpu_bound,
        "in a sandbox": listener.sandbox is not None,
        f"in {listener.group}": listener.group is not None,
    }
    return [trait for trait, holds in traits.items() if holds]


def _report_problems(file: Path, error: ConfigError, as_json: bool) -> None:
    if as_json:
        _print_report(file, error.problems, error.warnings, ())
        return
    for sentence in sorted((*error.problems, *map(_as_warning, error.warnings)), key=_place):
        print_result(sentence)
    count = len(error.problems)
    remark(f"{file} cannot be used: {count} problem{'s' * (count != 1)}.")


def _as_warning(sentence: str) -> str:
    return f"{sentence} (warning)"


def _place(sentence: str) -> tuple[str, int, int]:
    found = _PLACED.fullmatch(sentence)
    return (found["file"], int(found["line"]), int(found["column"])) if found else ("", 0, 0)


def _print_report(
    file: Path, problems: Iterable[str], warnings: Iterable[str], listeners: Iterable[Listener]
) -> None:
    refused = [_finding(problem) for problem in problems]
    print_json(
        {
            "file": str(file),
            "usable": not refused,
            "problems": refused,
            "warnings": [_finding(warning) for warning in warnings],
            "listeners": [_described(each) for each in listeners],
        }
    )


def _finding(sentence: str) -> dict[str, Any]:
    """Take a sentence apart into its place and its words."""
    found = _PLACED.fullmatch(sentence)
    if found is None:
        return {"text": sentence}
    return {**found.groupdict(), "line": int(found["line"]), "column": int(found["column"])}


def _described(listener: Listener) -> dict[str, Any]:
    return {
        "name": listener.name,
        "description": listener.description,
        "accepts": list(payload_names(listener)),
        "peers": list(listener.peers),
        "agent": listener.agent,
        "broadcast": listener.broadcast,
        "cpu_bound": listener.cpu_bound,
        "sandboxed": listener.sandbox is not None,
        "group": listener.group,
    }
