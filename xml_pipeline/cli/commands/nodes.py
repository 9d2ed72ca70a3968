"""``nodes``."""

from __future__ import annotations

from datetime import datetime

import click

from xml_pipeline.cli import options
from xml_pipeline.cli.client import connected, path
from xml_pipeline.cli.locate import locate
from xml_pipeline.cli.options import Target
from xml_pipeline.cli.output import print_json, print_table


@click.command()
@options.running_organism
@options.as_json
@options.asynchronous
async def nodes(target: Target, as_json: bool) -> None:
    """Show the nodes of an organism, who holds what, and what is paused."""
    async with connected(*locate(target)) as client:
        found = (await client.show(path("nodes")))["nodes"]
    if as_json:
        print_json(found)
        return
    rows = (
        (
            f"{each['id'][:8]}{' (this)' if each['this'] else ''}",
            f"{each['host']}:{each['pid']}",
            str(len(each["shards"])),
            str(each["conversations"]),
            " ".join(each["paused"]) or "-",
            f"{datetime.fromisoformat(each['seen']).astimezone():%Y-%m-%d %H:%M:%S}",
        )
        for each in found
    )
    columns = ("node", "process", "shards", "conversations", "paused", "last seen")
    print_table(columns, rows)
