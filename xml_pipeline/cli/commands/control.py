"""``reload``, ``kill``, ``pause`` and ``resume``."""

from __future__ import annotations

from typing import Any

import click

from xml_pipeline.cli import options
from xml_pipeline.cli.client import connected, path
from xml_pipeline.cli.exits import Misused, Unusable
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
    for sentence in (*event.get("needs_restart", ()), *event.get("elsewhere", ())):
        remark(sentence)
    remark("Reloaded." if any(changes.values()) else "Reloaded: no listener has changed.")


@click.command()
@click.argument("thread", required=False)
@click.option("--listener", metavar="NAME", help="All its work; it is paused too.")
@click.option("--tenant", metavar="NAME", help="All that is done on its behalf.")
@click.option("--all", "everything", is_flag=True, help="All there is.")
@options.running_organism
@options.asynchronous
async def kill(
    thread: str | None, listener: str | None, tenant: str | None, everything: bool, target: Target
) -> None:
    """Stop a thread, or all of a listener, of a tenant, or at all.

    Whatever is below goes with it, be it running or waiting; whoever waits for it is told.
    """
    given = {"listener": listener, "tenant": tenant, "all": "true" if everything else None}
    query = {key: value for key, value in given.items() if value is not None}
    if bool(thread) == bool(query) or (everything and len(query) > 1):
        raise Misused("say what to stop: a thread, --listener, --tenant or --all")
    if thread:
        await _order(target, "DELETE", path("threads", thread))
        remark(f"Killed {thread}.")
        return
    said = await _order(target, "DELETE", path("threads"), **query)
    remark(f"Killed {said['killed']}.")


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


async def _order(target: Target, method: str, route: str, **query: str) -> Any:
    async with connected(*locate(target)) as client:
        return await client.order(method, route, **query)
