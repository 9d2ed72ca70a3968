"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

DEFAULT_FILE = Path("config/organism.yaml")

organism_file = click.argument(
    "file", metavar="[ORGANISM.YAML]", type=click.Path(path_type=Path), default=DEFAULT_FILE
)
"""The organism file that a command is about."""

own_organism = click.option(
    "--organism",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Start an organism of one's own for this command.",
)

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
