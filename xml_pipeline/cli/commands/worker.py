"""``worker``."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from xml_pipeline.cli.working import Place, place_of, work


@click.command()
@click.argument("file", metavar="[ORGANISM.YAML]", type=click.Path(path_type=Path), required=False)
@click.option("--redis", metavar="URL", help="The organism's Redis; without it, its file's.")
@click.option("--prefix", help="What its keys begin with; without it, what its file says, or xp:.")
@click.option(
    "--processes",
    metavar="N",
    type=click.IntRange(min=1),
    help="Jobs at one time; without it, one for each processor.",
)
@click.option(
    "--grace",
    metavar="SECONDS",
    type=click.FloatRange(min=0.0),
    default=10.0,
    show_default=True,
    help="How long jobs under way may take when the worker stops.",
)
@click.pass_context
def worker(
    ctx: click.Context,
    file: Path | None,
    redis: str | None,
    prefix: str | None,
    processes: int | None,
    grace: float,
) -> None:
    """Serve the cpu-bound listeners of an organism on Redis.

    Start it on as many machines as you like, from the directory that the handlers lie in; the
    organism finds it. With its file it allows what that allows, and imports its handlers before
    the first job; without, `handlers`, `organisms` and `xml_pipeline` are allowed. Ctrl-C or
    SIGTERM lets it finish what it has in hand; a second one ends it at once.
    """
    place: Place = place_of(file, redis, prefix, processes)
    ctx.exit(asyncio.run(work(place, grace)))
