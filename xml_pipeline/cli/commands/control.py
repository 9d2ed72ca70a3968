"""``reload``, ``kill``, ``pause`` and ``resume``."""

from __future__ import annotations

from typing import Any

import click

from xml_pipeline.cli import options
from xml_pipeline.cli.client import connected, path
from xml_pipeline.cli.exits import Unusable
from xml_pipeline.cli.locate import locate
from xml_pipeline.cli.options import Target
from xml_pipeline.cli.output import print_json, print_result, remark


@click.command()
@options.running_organism
@options.as_json
@options.asynchronous
async def reload(target: Target, as_json: bool) -> None:
    """Make a running organism read its file again.

    A file with problems changes nothing; they are printed, and the exit code is 2.
    """
    try:
        event = await _order(target, "POST", path("reload"))
    except Unusable as refused:
        if as_json:
            print_json({"applied": False, "problems": refused.problems})
        raise
    if as_json:
        print_json(event)
        return
    changes = {word: event.get(word, ()) for word in ("added", "removed", "changed")}
    for word, names in changes.items():
        for name in names:
            print_result(f"{word} {name}")
    for sentence in event.get("needs_restart", ()):
        remark(sentence)
    remark("Reloaded." if any(changes.values()) else "Reloaded: no listener has changed.")


@click.command()
@click.argument("thread")
@options.running_organism
@options.asynchronous
async def kill(thread: str, target: Target) -> None:
    """Stop a thread and everything below it."""
    await _order(target, "DELETE", path("threads", thread))
    remark(f"Killed {thread}.")


@click.command()
@click.argument("listener")
@options.running_organism
@options.asynchronous
async def pause(listener: str, target: Target) -> None:
    """Let a listener start nothing new.

    What waits for it keeps its place.
    """
    await _order(target, "POST", path("listeners", listener, "pause"))
    remark(f"{listener} is paused.")


@click.command()
@click.argument("listener")
@options.running_organism
@options.asynchronous
async def resume(listener: str, target: Target) -> None:
    """Let a paused listener go on."""
    await _order(target, "POST", path("listeners", listener, "resume"))
    remark(f"{listener} goes on.")


async def _order(target: Target, method: str, route: str) -> Any:
    async with connected(*locate(target)) as client:
        return await client.order(method, route)
