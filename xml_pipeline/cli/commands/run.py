"""``run``."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from xml_pipeline.cli.life import Life, live
from xml_pipeline.cli.options import organism_file


@click.command()
@organism_file
@click.option("--no-server", is_flag=True, help="Serve no HTTP.")
@click.option(
    "--grace",
    metavar="SECONDS",
    type=click.FloatRange(min=0.0),
    default=10.0,
    show_default=True,
    help="How long what is under way may take when the organism stops.",
)
@click.option(
    "--log-level",
    type=click.Choice(("debug", "info", "warning", "error")),
    default="info",
    show_default=True,
    help="The lowest level that is logged; every message is told of at info.",
)
@click.option("--verbose", "-v", is_flag=True, help="Print every event, as JSON lines on stderr.")
@click.pass_context
def run(  # one argument an option
    ctx: click.Context, file: Path, no_server: bool, grace: float, log_level: str, verbose: bool
) -> None:
    """Run an organism until it is told to stop.

    Ctrl-C or SIGTERM stops it in order, a second one at once. It reloads when its file, or a
    handler's, changes, and on SIGHUP. On a terminal it shows what flows and takes lines:
    `@listener <xml/>`, or `@listener text`; of a call that waits for a decision, `allow ID` or
    `deny ID why`. Elsewhere it logs JSON lines to stderr.
    """
    ctx.exit(asyncio.run(live(Life(file, not no_server, grace, log_level, verbose))))
