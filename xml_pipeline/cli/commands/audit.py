"""``audit``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from xml_pipeline.audit.checking import Check, Noted, check
from xml_pipeline.audit.places import folder, head_of
from xml_pipeline.cli.exits import FAILED, Misused, Unreachable
from xml_pipeline.cli.options import as_json
from xml_pipeline.cli.output import print_json, print_result, remark


@click.group()
def audit() -> None:
    """Check the log of who did what to an organism."""


@audit.command()
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--head",
    metavar="HASH",
    help="The hash of an entry, noted down elsewhere: it must be in the log.",
)
@click.option(
    "--after",
    metavar="HASH",
    help="The hash of the last entry of parts that are kept elsewhere: the log goes on from it.",
)
@as_json
@click.pass_context
def verify(
    ctx: click.Context, file: Path | None, head: str | None, after: str | None, as_json: bool
) -> None:
    """Tell whether an audit log is as it was written, in all its parts.

    Without FILE, every log in the state directory is looked at. Any byte that was changed, any
    line that was removed, moved or added is found; lines missing at the end, as far as it was
    kept elsewhere how many there were. Exit code 1 if anything is wrong.
    """
    noted = Noted(head, after)
    checks = {each: _checked(each, noted) for each in ([file] if file else _logs())}
    for each, found in checks.items():
        if as_json:
            print_json(_described(each, found))
        else:
            _print(each, found)
    if any(found.findings for found in checks.values()):
        ctx.exit(FAILED)


def _logs() -> list[Path]:
    logs = sorted(folder().glob("*.jsonl"))
    if not logs:
        raise Unreachable(f"there is no audit log in {folder()}: name one")
    return logs


def _checked(file: Path, noted: Noted) -> Check:
    try:
        return check(file, head_of(file), noted)
    except OSError as error:
        raise Misused(f"{file}: {error.strerror}") from None


def _print(file: Path, found: Check) -> None:
    for each in found.findings:
        print_result(f"{each.file}:{each.line}: {each.text}")
    if found.findings:
        remark(f"{file} is not as it was written.")
    else:
        print_result(f"{file}: {found.head.n} entries, as they were written; {found.head.hash}")


def _described(file: Path, found: Check) -> dict[str, Any]:
    return {
        "file": str(file),
        "intact": not found.findings,
        "entries": found.head.n,
        "head": found.head.hash,
        "problems": [
            {"file": str(each.file), "line": each.line, "text": each.text}
            for each in found.findings
        ],
    }
