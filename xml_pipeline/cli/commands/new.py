"""``new``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

import click

from xml_pipeline.cli.exits import Misused
from xml_pipeline.cli.output import remark
from xml_pipeline.config import SCHEMA_FILE, config_json_schema

SUFFIX = ".template"
"""Ends the name of every template, so that no tool takes one for code of this package."""


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
def new(directory: Path) -> None:
    """Write a working project into a new directory."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise Misused(f"{directory} is there already, and not empty")
    for path, text in project(directory.resolve().name):
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        click.echo(file)
    remark(f"Now: cd {directory} && xml-pipeline run")


def project(name: str) -> Iterator[tuple[PurePosixPath, str]]:
    """Yield the files of a new project, each with its path below the project's directory."""
    yield from _filled(files("xml_pipeline.cli") / "template", PurePosixPath(), name)
    schema = json.dumps(config_json_schema(), indent=2)
    yield PurePosixPath("config") / SCHEMA_FILE, f"{schema}\n"


def _filled(
    folder: Traversable, below: PurePosixPath, name: str
) -> Iterator[tuple[PurePosixPath, str]]:
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        path = below / entry.name.removesuffix(SUFFIX)
        if entry.is_dir():
            yield from _filled(entry, path, name)
        elif entry.name.endswith(SUFFIX):
            quoted = json.dumps(name) if path.suffix == ".yaml" else name
            yield path, entry.read_text(encoding="utf-8").replace("{name}", quoted)
