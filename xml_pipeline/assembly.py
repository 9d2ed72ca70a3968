"""From an organism file to an organism: the only place that knows every room of the house."""

from __future__ import annotations

import logging
from pathlib import Path

from xml_pipeline.blueprint import Reader
from xml_pipeline.organism import Organism
from xml_pipeline.reload import Reloader

log = logging.getLogger(__name__)


def assemble(path: str | Path) -> Organism:
    """Build the organism that a file describes, ready to be entered.

    The packages of ``allow_imports`` are looked for in the folder of the file and the one
    above it, then in the working directory, then on ``sys.path``; those folders are put on
    ``sys.path``. Raises ConfigError with everything that is wrong.
    """
    reader = Reader()
    with reader.read(Path(path)) as blueprint:
        organism = Organism(blueprint.listeners, config=blueprint.config, steps=blueprint.inserts)
    organism.reloads_with(Reloader(organism, reader, blueprint))
    for warning in blueprint.loaded.warnings:
        log.warning("%s", warning)
    return organism


async def bootstrap(path: str | Path = "config/organism.yaml") -> Organism:
    """Return a running organism with its boot message sent; whoever calls this leaves it."""
    organism = await assemble(path).__aenter__()
    await organism.boot()
    return organism
