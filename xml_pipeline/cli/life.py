"""The life of an organism that `run` runs: from its file to an orderly end."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

import structlog

from xml_pipeline.audit.parts import extent_of
from xml_pipeline.audit.places import head_of, logs_of
from xml_pipeline.cli.client import connected
from xml_pipeline.cli.exits import Failed, Unreachable
from xml_pipeline.cli.flow_log import messages_logged, tell
from xml_pipeline.cli.own import client_of
from xml_pipeline.cli.signals import Signals
from xml_pipeline.cli.state import Running, announced, forget
from xml_pipeline.cli.terminal import Screen, has_colors, is_terminal, reads_logs
from xml_pipeline.cli.text_logs import text_lines
from xml_pipeline.config.environment import read_environment
from xml_pipeline.errors import AuditFailed, AuditInUse, BackendUnavailable
from xml_pipeline.logs import json_lines, log_lines
from xml_pipeline.organism import Organism
from xml_pipeline.places import state_directory
from xml_pipeline.reload import Reloader, watch
from xml_pipeline.server import serve

GC_THRESHOLDS = (50_000, 20, 50)
"""Messages live briefly and hold no cycles: collecting rarely is worth a tenth of the time."""

LAST_SECONDS = 5.0
"""How long handlers have, once cancelled, before the process ends without them."""

SENDER = "console"


@dataclass(frozen=True, slots=True)
class Life:
    """How an organism is to live: its file, and the options of `run`."""

    file: Path
    serves: bool
    grace: float
    level: str
    verbose: bool = False


async def live(life: Life) -> int:
    """Run an organism until somebody asks it to stop; return the exit code.

    Raises ConfigError for a bad file, Failed when its pump dies.
    """
    render = text_lines(colors=has_colors()) if reads_logs() else json_lines()
    with log_lines(render, life.level) as lines:
        organism = Organism.load(life.file, journal_file(life.file))
        lines.redact = organism.kernel.redacting
        return await _lived(organism, life)


def journal_file(file: Path) -> Path | None:
    """Return where `run` writes the journal of an organism whose file does not say where.

    None, loudly, where nothing can be written: a demonstration goes on all the same.
    """
    path = file.resolve()
    folder = state_directory() / "journals"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        words = "nothing outlives this process: no journal can be written; name a `backend.path`"
        structlog.get_logger(__name__).warning(words, reason=str(error))
        return None
    return folder / f"{path.stem}-{sha256(str(path).encode()).hexdigest()[:12]}.db"


async def _lived(organism: Organism, life: Life) -> int:
    reloads: set[asyncio.Task[object]] = set()

    def reload() -> None:
        reloading: asyncio.Task[object] = asyncio.create_task(organism.reload(by="signal"))
        reloads.add(reloading)
        reloading.add_done_callback(reloads.discard)

    keep_audit(organism, life.file)
    with Signals(reload) as signals:
        async with AsyncExitStack() as stack:
            await _enter(organism, stack)
            running = await _serve(organism, life, stack) if life.serves else None
            await _show(organism, running, life, signals, stack)
            tune_garbage_collection()
            await organism.boot()
            with _found_by_others(running):
                signals.last_words.append(partial(forget, os.getpid()))
                _tell_running(organism, life, running)
                await _until_asked_to_stop(organism, signals)
            await _finish(organism, signals, life.grace)
    return signals.code


async def _enter(organism: Organism, stack: AsyncExitStack) -> None:
    """Let an organism begin; where its backend is not there, say which line names that."""
    try:
        await stack.enter_async_context(organism)
    except BackendUnavailable as error:
        reloader = organism.reloader
        words = f"nothing can be written there: {error}"
        told = reloader.problem(words, "backend") if isinstance(reloader, Reloader) else words
        raise Unreachable(told) from None


def keep_audit(organism: Organism, file: Path) -> None:
    """Open an audit log in the state directory for an organism whose file names none.

    Where there can be none, because nothing can be written, it runs without and says so; one
    that is there and cannot be added to is a reason not to run.
    """
    wanted = organism.config.audit
    if not wanted.enabled or wanted.path:
        return
    for path in logs_of(file, organism.config.organism.name):
        try:
            extent = extent_of(organism.config.audit)
            organism.kernel.audit.begin(path, head_of(path), extent=extent)
        except AuditInUse:
            continue
        except AuditFailed as error:
            if path.exists():
                raise
            structlog.get_logger(__name__).warning("no audit log is kept", reason=error.detail)
        return


async def _serve(organism: Organism, life: Life, stack: AsyncExitStack) -> Running:
    """Serve HTTP; return where, and with which token."""
    config, name = organism.config.server, organism.config.organism.name
    token = _token(life.file, config.token_env)
    organism.kernel.redacting.learn((token,))
    address = await stack.enter_async_context(serve(organism, config, token))
    return Running(os.getpid(), name, str(life.file.resolve()), address.url, token)


def _token(file: Path, variable: str) -> str:
    """Return the token of the environment or a ``.env`` file, else a new one."""
    given = read_environment(file.parent).variables.get(variable)
    return given or secrets.token_urlsafe(32)


async def _show(
    organism: Organism,
    running: Running | None,
    life: Life,
    signals: Signals,
    stack: AsyncExitStack,
) -> None:
    """Show what happens: drawn on a terminal, and logged where the log goes elsewhere.

    Where it is to be told in full, every event is written to stderr, besides.
    """
    if not reads_logs():
        stack.enter_context(messages_logged(organism, life.level))
    if life.verbose:
        stack.callback(organism.subscribe(partial(tell, organism.kernel.redacting)))
    if not is_terminal():
        return
    door = connected(running.url, running.token) if running else client_of(organism, SENDER)
    client = await stack.enter_async_context(door)
    address = running.url if running else "not served"
    screen = Screen(organism, client, address, signals)
    await stack.enter_async_context(screen.shown())


@contextmanager
def _found_by_others(running: Running | None) -> Iterator[None]:
    """Let other commands find what is served; where nothing can be written, go on without."""
    with ExitStack() as stack:
        try:
            if running is not None:
                stack.enter_context(announced(running))
        except OSError as error:
            structlog.get_logger(__name__).warning("others cannot find it", reason=str(error))
        yield


def tune_garbage_collection() -> None:
    """Leave what is loaded by now alone, and look for cycles less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _tell_running(organism: Organism, life: Life, running: Running | None) -> None:
    structlog.get_logger(__name__).info(
        "running",
        organism=organism.config.organism.name,
        file=str(life.file),
        url=running.url if running else None,
        pid=os.getpid(),
    )


async def _until_asked_to_stop(organism: Organism, signals: Signals) -> None:
    stopping = asyncio.create_task(signals.stopping.wait())
    ended = asyncio.create_task(organism.ended())
    watching = asyncio.create_task(_reload_on_change(organism, signals.stopping))
    try:
        await asyncio.wait((stopping, ended), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (stopping, ended, watching):
            task.cancel()
        await asyncio.gather(stopping, ended, watching, return_exceptions=True)
    if not signals.stopping.is_set():
        raise Failed("the pump has died; the log says of what")


async def _reload_on_change(organism: Organism, stop: asyncio.Event) -> None:
    """Watch the files; a system that cannot be asked to is no reason not to run."""
    try:
        await watch(organism, stop)
    except (OSError, RuntimeError) as error:
        structlog.get_logger(__name__).warning("files are not watched", reason=str(error))


async def _finish(organism: Organism, signals: Signals, grace: float) -> None:
    """Let nothing more in, and what is inside come to its end, as far as time allows."""
    log = structlog.get_logger(__name__)
    kernel = organism.kernel
    kernel.door.shut()
    log.info("stopping", running=kernel.scheduler.running, waiting=kernel.scheduler.waiting)
    try:
        async with asyncio.timeout(grace):
            await organism.drain()
    except TimeoutError:
        lost = kernel.scheduler.running + kernel.scheduler.waiting
        log.warning("not finished in time", messages=lost, seconds=grace)
    asyncio.get_running_loop().call_later(LAST_SECONDS, signals.end_at_once)
    log.info("stopped")
