"""``threads``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from xml_pipeline.cli import options
from xml_pipeline.cli.client import connected, path
from xml_pipeline.cli.exits import Failed
from xml_pipeline.cli.locate import locate
from xml_pipeline.cli.options import Target
from xml_pipeline.cli.output import print_json, print_result, print_table
from xml_pipeline.cli.story import members_of, past_of, print_tree, tree_of
from xml_pipeline.journal.reading import Story, read

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
@click.option("--all", "past", is_flag=True, help="The conversations of the journal, too.")
@options.running_organism
@options.as_json
@options.asynchronous
async def list_threads(target: Target, as_json: bool, past: bool, **wanted: str | int) -> None:
    """List threads, those of the latest conversations first."""
    query = {key: str(value) for key, value in wanted.items() if value}
    if past:
        query["past"] = "true"
    found = (await _shown(target, path("threads"), **query))["threads"]
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
    story = await _story(target, thread)
    if as_json:
        print_json({**about, "messages": said, **(members_of(story) if story else {})})
        return
    print_table(("", ""), ((key, str(value)) for key, value in about.items() if value))
    if story is not None and thread in story.threads:
        print_tree(tree_of(story, thread))
        return
    for each in said:
        print_result(_told(each))


async def _story(target: Target, thread: str) -> Story | None:
    """Return what the journal tells of a thread's conversation; None where there is no journal."""
    try:
        return read(past_of(await _shown(target, path("threads", thread, "log"))))
    except Failed:
        return None


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
