"""From an organism file to an organism: the only place that knows every room of the house."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from xml_pipeline.backends import Backend
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.blueprint import Blueprint, Reader
from xml_pipeline.catalogue import find
from xml_pipeline.errors import ConfigError, PluginNotFound
from xml_pipeline.llm.models import INSTEAD
from xml_pipeline.organism import Organism
from xml_pipeline.reload import Reloader

log = logging.getLogger(__name__)


def assemble(path: str | Path, journal: Path | None = None) -> Organism:
    """Build the organism that a file describes, ready to be entered.

    ``journal`` is the SQLite file that it is written to where the organism's own file names no
    backend; without it nothing is written then.

    The packages of ``allow_imports`` are looked for in the folder of the file and the one
    above it, then in the working directory, then on ``sys.path``; those folders are put on
    ``sys.path``. Raises ConfigError with everything that is wrong.
    """
    reader = Reader()
    with reader.read(Path(path)) as blueprint:
        organism = Organism(
            blueprint.listeners,
            config=blueprint.config,
            backend=_backend(blueprint, journal),
            steps=blueprint.inserts,
        )
    organism.closing.append(reader.commons)
    organism.kernel.redacting.learn(blueprint.loaded.secrets)
    _tell_others(organism, blueprint)
    organism.reloads_with(Reloader(organism, reader, blueprint))
    for warning in blueprint.loaded.warnings:
        log.warning("%s", warning)
    return organism


def assemble_sandbox(path: str | Path, states: Iterable[tuple[str, bytes]] = ()) -> Organism:
    """Build the organism that a file describes so that nothing it does is kept anywhere.

    Its journal is in memory, it writes no audit log, and its models say what they said in these
    states of threads: none of them is asked. Raises ConfigError.
    """
    reader = Reader()
    reader.commons.put(INSTEAD, find("agents", "recorded").Recorded(states))
    with reader.read(Path(path)) as blueprint:
        silent = blueprint.config.audit.model_copy(update={"enabled": False})
        organism = Organism(
            blueprint.listeners,
            config=blueprint.config.model_copy(update={"audit": silent}),
            backend=MemoryBackend(),
            steps=blueprint.inserts,
        )
    organism.closing.append(reader.commons)
    organism.kernel.redacting.learn(blueprint.loaded.secrets)
    return organism


def backend_of(path: str | Path, journal: Path | None = None) -> Backend | None:
    """Return what the organism of a file is written to, not opened; None where nothing is."""
    with Reader().read(Path(path)) as blueprint:
        return _backend(blueprint, journal)


def _backend(blueprint: Blueprint, journal: Path | None) -> Backend | None:
    """Return what the organism is written to, None where nothing is."""
    config = blueprint.config.backend
    name = config.type or ("sqlite" if journal or config.path else "memory")
    if name == "memory":
        return None
    path = blueprint.file.parent / config.path if config.path else journal
    try:
        backend: Backend = find("backends", name).configured(config, path)
    except (PluginNotFound, ConfigError) as error:
        raise ConfigError(
            (blueprint.loaded.source.problem(("backend", "type"), str(error)),)
        ) from None
    return backend


def _tell_others(organism: Organism, blueprint: Blueprint) -> None:
    """Have what the organism does sent to where its file says, if it does."""
    config = blueprint.config
    if config.telemetry.otlp_endpoint is None:
        return
    try:
        export = find("telemetry", "otel").configured(
            config.telemetry, config.organism.name, organism.kernel.redacting
        )
    except PluginNotFound as error:
        at = ("telemetry", "otlp_endpoint")
        raise ConfigError((blueprint.loaded.source.problem(at, str(error)),)) from error
    organism.subscribe(export.hear)
    organism.closing.append(export)


async def bootstrap(path: str | Path = "config/organism.yaml") -> Organism:
    """Return a running organism with its boot message sent; whoever calls this leaves it."""
    organism = await assemble(path).__aenter__()
    await organism.boot()
    return organism
