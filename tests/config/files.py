"""Organism files for tests: written to a directory, read, and the problems they have."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from xml_pipeline.config import LoadedConfig, load_config
from xml_pipeline.errors import ConfigError

GREETER = (
    "{name: greeter, description: Greets., payload_class: handlers.a:B, handler: handlers.a:b}"
)
"""A listener that is right."""


def listener(**changes: str) -> str:
    """Return a listener that is right but for the changes, written as YAML."""
    right = {
        "name": "greeter",
        "description": "Greets.",
        "payload_class": "handlers.a:Greeting",
        "handler": "handlers.a:greet",
    }
    return "{" + ", ".join(f"{key}: {value}" for key, value in (right | changes).items()) + "}"


def listeners(*each: str) -> str:
    """Return a file with these listeners, the first in line 2."""
    return "\n".join(["listeners:", *(f"  - {one}" for one in each)])


def load(folder: Path, text: str | bytes) -> LoadedConfig:
    """Write and read an organism file."""
    file = folder / "organism.yaml"
    file.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
    return load_config(file)


def problems_of(folder: Path, text: str | bytes) -> list[str]:
    """Return what is wrong with a file, each as ``line:column: …``."""
    with pytest.raises(ConfigError) as refusal:
        load(folder, text)
    return [each.removeprefix(f"{folder / 'organism.yaml'}:") for each in refusal.value.problems]
