"""Reload: a file is read again, and swapped in as a whole or not at all.

The rule of this file: everything happens between two turns of the event loop. Whatever is
read and imported is judged before anything changes, and then all of it changes at once, so no
message ever meets half of a configuration. What a handler is busy with it finishes as it is.
"""

from __future__ import annotations

import logging
from asyncio import Event, ensure_future, sleep, wait
from collections.abc import Iterator
from dataclasses import fields, replace
from functools import reduce
from os import stat_result
from pathlib import Path

from watchfiles import Change, awatch

from xml_pipeline.blueprint import Blueprint, Reader
from xml_pipeline.config import KeyPath, OrganismConfig
from xml_pipeline.errors import AuditFailed, ConfigError, XmlPipelineError
from xml_pipeline.events import ReloadEvent
from xml_pipeline.listener import Listener
from xml_pipeline.organism import PROGRAM, Organism

log = logging.getLogger(__name__)

FIXED: tuple[KeyPath, ...] = (
    ("thread_scheduling",),
    ("max_concurrent_pipelines",),
    ("server", "bind"),
    ("server", "port"),
    ("server", "token_env"),
    ("backend",),
    ("audit",),
    ("telemetry",),
)
"""Settings that only a start takes over."""


class Reloader:
    """Swaps what a file says into a running organism.

    Listeners of the file are replaced; those of the system and of the program stay. One
    whose settings and code are the same stays the very same object.
    """

    def __init__(self, organism: Organism, reader: Reader, blueprint: Blueprint) -> None:
        self._organism = organism
        self._reader = reader
        self._present = blueprint
        self._started = blueprint.config
        self._read = self._stamps()

    @property
    def file(self) -> Path:
        """Return the organism file as it was last taken over."""
        return self._present.file

    @property
    def folders(self) -> frozenset[Path]:
        """Return the folders of everything that the organism was read from."""
        own = (self.file.absolute().parent, *(each.parent for each in self._pins))
        places = {Path.cwd(), *own, *self._reader.folders}
        return frozenset(each for each in places if each.is_dir())

    @property
    def _pins(self) -> tuple[Path, Path]:
        """Return the files of what was approved of MCP servers, and of agents elsewhere."""
        folder, config = self.file.absolute().parent, self._present.config
        return folder / config.mcp.pins, folder / config.a2a.pins

    async def __call__(self, path: Path | None = None, by: str = PROGRAM) -> ReloadEvent:
        """Read the file, or another one, and swap it in; the event says what became of it.

        ``by`` is who ordered it, for the audit log.
        """
        file = self.file if path is None else path
        self._read = self._stamps()
        self._reader.commons.begin()
        try:
            with self._reader.read(file) as fresh:
                event = self._swap(fresh, by)
        except (ConfigError, AuditFailed) as error:
            return self._refused(error, by)
        await self._reader.commons.retire()
        for each in (*fresh.loaded.warnings, *event.needs_restart):
            log.warning("%s", each)
        return event

    def _refused(self, error: ConfigError | AuditFailed, by: str) -> ReloadEvent:
        problems = error.problems if isinstance(error, ConfigError) else (str(error),)
        for each in problems:
            log.error("not reloaded: %s", each)
        for each in error.warnings if isinstance(error, ConfigError) else ():
            log.warning("%s", each)
        self._organism.kernel.audit.tell(by, "reload_refused", why="; ".join(problems))
        return ReloadEvent(applied=False, problems=problems)

    def problem(self, text: str, *path: str | int) -> str:
        """Return a sentence about something that the file says, with its place."""
        return self._present.loaded.source.problem(path, text)

    @property
    def outdated(self) -> bool:
        """Tell whether a file that concerns the organism has changed since it was last read."""
        return self._stamps() != self._read

    def _stamps(self) -> dict[Path, tuple[int, int]]:
        files = (file for folder in self.folders for file in folder.iterdir())
        concerning = (file for file in files if self.concerns(Change.modified, str(file)))
        return {
            file: (stat.st_mtime_ns, stat.st_size)
            for file in concerning
            if (stat := _stat(file)) is not None
        }

    def _swap(self, fresh: Blueprint, by: str) -> ReloadEvent:
        organism, before = self._organism, {each.name: each for each in self._present.listeners}
        listeners = tuple(_unless_same(before.get(each.name), each) for each in fresh.listeners)
        others = (each for each in organism.listeners if before.get(each.name) is not each)
        organism.kernel.redacting.learn(fresh.loaded.secrets)
        try:
            organism.reconfigure(fresh.config, (*others, *listeners), fresh.inserts, by=by)
        except ValueError as error:
            raise ConfigError((f"{fresh.file}: {error}",)) from None
        self._present = replace(fresh, listeners=listeners)
        names = [each.name for each in listeners]
        return ReloadEvent(
            applied=True,
            added=tuple(each for each in names if each not in before),
            removed=tuple(each for each in before if each not in names),
            changed=tuple(
                each.name for each in listeners if before.get(each.name, each) is not each
            ),
            needs_restart=tuple(self._needs_restart(fresh)),
        )

    def _needs_restart(self, fresh: Blueprint) -> Iterator[str]:
        for path in FIXED:
            if _at(fresh.config, path) != _at(self._started, path):
                yield fresh.loaded.source.problem(path, "takes effect at the next start")

    def concerns(self, change: Change, path: str) -> bool:
        """Tell whether a changed path may be something that the organism was read from.

        ``..data`` is the link that a mounted configuration is swapped by.
        """
        changed = Path(path)
        named = (self.file.name, *(each.name for each in self._pins), ".env", "..data")
        return changed.suffix == ".py" or changed.name in named


async def watch(organism: Organism, stop: Event) -> None:
    """Reload whenever the organism's file, a ``.env`` or a module of it changes, until ``stop``.

    Changes close together count as one. What became of each reload is told by its event.
    Raises XmlPipelineError for an organism that was not loaded from a file.
    """
    reloader = organism.reloader
    if not isinstance(reloader, Reloader):
        raise XmlPipelineError("this organism was not loaded from a file")
    while not stop.is_set():
        await _watch_folders(organism, reloader, stop)


async def _watch_folders(organism: Organism, reloader: Reloader, stop: Event) -> None:
    """Reload at every change, until ``stop`` or until the folders to watch are others."""
    folders, ended = reloader.folders, Event()
    passing = ensure_future(_pass_on(stop, ended))
    changes = awatch(*folders, watch_filter=reloader.concerns, stop_event=ended, recursive=False)
    coming = ensure_future(anext(changes, None))
    await sleep(0)  # From here on it listens; what changed before that is looked for.
    changed = reloader.outdated
    while True:
        if changed:
            await organism.reload(by="changed file")
        if reloader.folders != folders:
            break
        changed = bool(await coming)
        if not changed:
            break
        coming = ensure_future(anext(changes, None))
    ended.set()
    passing.cancel()
    await wait((coming, passing))
    await changes.aclose()


async def _pass_on(stop: Event, ended: Event) -> None:
    await stop.wait()
    ended.set()


def _stat(file: Path) -> stat_result | None:
    try:
        return file.stat()
    except OSError:  # It went away just now, and the watch will tell.
        return None


def _unless_same(old: Listener | None, new: Listener) -> Listener:
    """Return the old listener if the new one is no different."""
    settings = (each.name for each in fields(Listener) if each.init)
    if old is not None and all(getattr(old, each) == getattr(new, each) for each in settings):
        return old
    return new


def _at(config: OrganismConfig, path: KeyPath) -> object:
    """Return the value at a path."""
    return reduce(lambda section, part: getattr(section, str(part)), path, config)
