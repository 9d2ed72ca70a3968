"""``graph``."""

from __future__ import annotations

from pathlib import Path

import click

from xml_pipeline.cli.drawing import dot, draw, mermaid
from xml_pipeline.cli.options import organism_file
from xml_pipeline.organism import Organism


@click.command()
@organism_file
@click.option("--dot", "as_dot", is_flag=True, help="Write DOT for Graphviz, not Mermaid.")
def graph(file: Path, as_dot: bool) -> None:
    """Draw an organism: its listeners and who may address whom."""
    drawing = draw(Organism.load(file).listeners)
    click.echo(dot(drawing) if as_dot else mermaid(drawing))
