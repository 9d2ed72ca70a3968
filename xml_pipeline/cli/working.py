"""The life of a worker elsewhere: from what it is told on the command line to an orderly end."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from xml_pipeline.backends.redis import RedisSeat
from xml_pipeline.blueprint.reader import search_folders
from xml_pipeline.cli.exits import Misused
from xml_pipeline.cli.signals import Signals
from xml_pipeline.cli.terminal import has_colors, reads_logs
from xml_pipeline.cli.text_logs import text_lines
from xml_pipeline.config import OrganismConfig, load_config
from xml_pipeline.dispatch.pool import Pool
from xml_pipeline.dispatch.serving import Serving, crew_of
from xml_pipeline.dispatch.turns import Crew
from xml_pipeline.logs import json_lines, log_lines

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker works, and what with."""

    url: str
    prefix: str
    crew: Crew


def place_of(
    file: Path | None, redis: str | None, prefix: str | None, processes: int | None
) -> Place:
    """Return what the command line means. Raises ConfigError for a bad file, Misused for none."""
    config = OrganismConfig() if file is None else load_config(file).config
    if redis is None and (file is None or config.backend.type != "redis"):
        whose = "there is no organism file" if file is None else "the backend of its file is none"
        raise Misused(f"which Redis? Give it with --redis: {whose}")
    folders = search_folders(file or Path("organism.yaml"), config.allow_imports)
    path = list(dict.fromkeys((*folders, *sys.path)))
    return Place(
        redis or config.backend.redis_url,
        prefix if prefix is not None else config.backend.redis_prefix,
        crew_of(config, processes or len(os.sched_getaffinity(0)), path),
    )


async def work(place: Place, grace: float) -> int:
    """Work until somebody asks for the end; return the exit code.

    Raises BackendUnavailable where Redis does not answer at the beginning.
    """
    render = text_lines(colors=has_colors()) if reads_logs() else json_lines()
    with log_lines(render), Signals(_nothing_to_reload) as signals:
        serving = Serving(RedisSeat(place.url, place.prefix, place.crew.workers), Pool(place.crew))
        working = asyncio.create_task(serving.run(), name="worker")
        stopping = asyncio.create_task(signals.stopping.wait())
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not working.done():
            log.info("stopping")
            await serving.finish(grace)
            working.cancel()
        [ended] = await asyncio.gather(working, return_exceptions=True)
        if isinstance(ended, Exception):
            raise ended
        log.info("stopped")
    return signals.code


def _nothing_to_reload() -> None:
    log.warning("a worker reads nothing again: start another, and stop this one")
