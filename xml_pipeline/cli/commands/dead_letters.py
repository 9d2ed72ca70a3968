"""``dead-letters``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from xml_pipeline.cli import options
from xml_pipeline.cli.client import connected, path
from xml_pipeline.cli.commands.threads import ListsByDefault, local_time
from xml_pipeline.cli.locate import locate
from xml_pipeline.cli.options import Target
from xml_pipeline.cli.output import print_json, print_result, print_table, remark

LONGEST = 60
"""Characters of a reason in the list."""

_several = click.argument("letters", nargs=-1, required=True, metavar="LETTER…")


@click.group(cls=ListsByDefault)
def dead_letters() -> None:
    """List messages given up; show, replay or drop them.

    Without a subcommand: `list`.
    """


@dead_letters.command("list")
@options.running_organism
@options.as_json
@options.asynchronous
async def list_letters(target: Target, as_json: bool) -> None:
    """List dead letters, the oldest first."""
    found = (await _shown(target))["letters"]
    if as_json:
        print_json(found)
        return
    rows = (
        (
            each["id"],
            local_time(each["at"]),
            each["listener"],
            str(each["attempts"]),
            _short(each["reason"]),
        )
        for each in found
    )
    print_table(("letter", "since", "listener", "attempts", "reason"), rows)


@dead_letters.command()
@click.argument("letter")
@options.running_organism
@options.as_json
@options.asynchronous
async def show(letter: str, target: Target, as_json: bool) -> None:
    """Show LETTER, with the envelope that could not be handled."""
    about = await _shown(target, letter)
    if as_json:
        print_json(about)
        return
    envelope = about.pop("payload")
    print_table(("", ""), ((key, str(value)) for key, value in about.items() if value))
    print_result(envelope)


@dead_letters.command()
@_several
@options.running_organism
@options.as_json
@options.asynchronous
async def replay(letters: Sequence[str], target: Target, as_json: bool) -> None:
    """Send each LETTER once more, as a new conversation, and print where it went."""
    async with connected(*locate(target)) as client:
        for each in letters:
            sent = await client.order("POST", path("dead-letters", each, "replay"))
            if as_json:
                print_json({"letter": each, **sent})
            else:
                print_result(sent["thread"])


@dead_letters.command()
@_several
@options.running_organism
@options.asynchronous
async def drop(letters: Sequence[str], target: Target) -> None:
    """Throw each LETTER away."""
    async with connected(*locate(target)) as client:
        for each in letters:
            await client.order("DELETE", path("dead-letters", each))
            remark(f"Dropped {each}.")


async def _shown(target: Target, *parts: str) -> Any:
    async with connected(*locate(target)) as client:
        return await client.show(path("dead-letters", *parts))


def _short(reason: str) -> str:
    first = reason.partition("\n")[0]
    return first if len(first) <= LONGEST else f"{first[: LONGEST - 1]}…"
