"""``version``."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

import click

from xml_pipeline import __version__
from xml_pipeline.cli.options import as_json
from xml_pipeline.cli.output import print_json

STANDS_ON = ("aiostream", "lxml", "pydantic", "starlette")


@click.command()
@as_json
def version(as_json: bool) -> None:
    """Print the versions of this package and what it stands on."""
    versions = {
        "xml-pipeline": __version__,
        "python": platform.python_version(),
        **{name: _installed(name) for name in STANDS_ON},
    }
    if as_json:
        print_json(versions)
    else:
        click.echo("\n".join(f"{name} {number}" for name, number in versions.items()))


def _installed(name: str) -> str:
    try:
        return version_of(name)
    except PackageNotFoundError:  # a dependency that was put there by hand
        return "unknown"
