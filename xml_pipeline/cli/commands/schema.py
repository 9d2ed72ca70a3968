"""``schema``."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from xml_pipeline.cli.exits import Misused
from xml_pipeline.cli.options import DEFAULT_FILE
from xml_pipeline.config import config_json_schema
from xml_pipeline.names import did_you_mean
from xml_pipeline.organism import Organism
from xml_pipeline.payload import Codec


@click.group()
def schema() -> None:
    """Print the schema of a payload, an envelope or the file."""


@schema.command()
def config() -> None:
    """Print the JSON Schema of organism.yaml, for editors."""
    _print_json(config_json_schema())


@schema.command()
def envelope() -> None:
    """Print the XSD of the envelope that every message travels in."""
    click.echo((files("xml_pipeline") / "schemas" / "envelope.xsd").read_bytes(), nl=False)


@schema.command()
def signature() -> None:
    """Print the XSD of the parts of a signature."""
    click.echo((files("xml_pipeline") / "schemas" / "signature.xsd").read_bytes(), nl=False)


@schema.command()
@click.argument("name")
@click.option(
    "--organism",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    default=DEFAULT_FILE,
    show_default=True,
    help="The organism whose listeners take the payload.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the JSON Schema, not the XSD.")
@click.option("--example", is_flag=True, help="Print an example of the payload instead.")
def payload(name: str, file: Path, as_json: bool, example: bool) -> None:
    """Print the XSD of the payload NAME, or of the payloads of the listener NAME."""
    for codec in _codecs(name, file):
        if example and as_json:
            _print_json(codec.to_json(codec.example()))
        elif example:
            click.echo(codec.to_xml(codec.example()))
        elif as_json:
            _print_json(codec.json_schema())
        else:
            click.echo(codec.xsd.strip())


def _codecs(name: str, file: Path) -> list[Codec[Any]]:
    listeners = Organism.load(file).listeners
    by_listener = {each.name: [*each.codecs.values()] for each in listeners}
    by_tag = {codec.tag: [codec] for codecs in by_listener.values() for codec in codecs}
    found = by_tag.get(name) or by_listener.get(name)
    if not found:
        hint = did_you_mean(name, (*by_tag, *by_listener))
        text = f'"{name}" is neither a payload nor a listener of {file}'
        raise Misused("; ".join(filter(None, (text, hint))))
    return found


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
