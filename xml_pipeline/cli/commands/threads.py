"""``threads``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from xml_pipeline.cli import options
from xml_pipeline.cli.client import connected, path
from xml_pipeline.cli.locate import locate
from xml_pipeline.cli.options import Target
from xml_pipeline.cli.output import print_json, print_result, print_table

STATUSES = ("open", "created", "active", "completed", "error", "killed")


class ListsByDefault(click.Group):
    """A group whose command is `list` where none of its commands is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `list` before what is not the name of a command."""
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=ListsByDefault)
def threads() -> None:
    """List the threads of a running organism, or show one.

    Without a subcommand: `list`.
    """


@threads.command("list")
@click.option("--status", type=click.Choice(STATUSES), help="Only threads in this state.")
@click.option("--listener", metavar="NAME", help="Only threads that this listener takes part in.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=100, show_default=True)
@options.running_organism
@options.as_json
@options.asynchronous
async def list_threads(
    status: str | None, listener: str | None, limit: int, target: Target, as_json: bool
) -> None:
    """List threads, those of the latest conversations first."""
    wanted = {"status": status or "", "listener": listener or ""}
    query = {key: value for key, value in wanted.items() if value}
    found = (await _shown(target, path("threads"), limit=str(limit), **query))["threads"]
    if as_json:
        print_json(found)
        return
    rows = (
        (each["id"], each["status"], each["caller"], each["callee"], local_time(each["changed"]))
        for each in found
    )
    print_table(("thread", "status", "caller", "callee", "changed"), rows)


@threads.command()
@click.argument("thread")
@options.running_organism
@options.as_json
@options.asynchronous
async def show(thread: str, target: Target, as_json: bool) -> None:
    """Show THREAD and what was said on it; of a conversation's first thread, all of it."""
    about = await _shown(target, path("threads", thread))
    said = (await _shown(target, path("threads", thread, "messages")))["messages"]
    if as_json:
        print_json({**about, "messages": said})
        return
    print_table(("", ""), ((key, str(value)) for key, value in about.items() if value))
    for each in said:
        print_result(_told(each))


async def _shown(target: Target, route: str, **query: str) -> Any:
    async with connected(*locate(target)) as client:
        return await client.show(route, **query)


def local_time(stamp: str) -> str:
    """Return a time as people here read it."""
    return f"{datetime.fromisoformat(stamp).astimezone():%Y-%m-%d %H:%M:%S}"


def _told(said: dict[str, Any]) -> str:
    way = f"{local_time(said['at'])}  {said['from_id']} → {said['to_id'] or '?'}"
    if said["event"] == "FaultEvent":
        return f"{way}  fault {said['id']} ({said['code']})"
    return f"{way}  {said['payload'] or said['payload_type']}"
