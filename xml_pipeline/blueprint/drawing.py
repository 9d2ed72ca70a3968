"""A configuration to listeners: all that it names is imported, and all that is wrong is told.

The rule of this file: a blueprint is whole. If anything is wrong, there is none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from xml_pipeline.blueprint.code import handler_at, payload_at, payloads_of, step_at
from xml_pipeline.blueprint.later import not_yet
from xml_pipeline.config import KeyPath, ListenerConfig, LoadedConfig, OrganismConfig, Place
from xml_pipeline.dispatch.by_name import paths_of
from xml_pipeline.errors import ConfigError, PluginNotFound
from xml_pipeline.identity.credentials import examine, located
from xml_pipeline.listener import Handler, Listener
from xml_pipeline.names import import_path, plugin_handler
from xml_pipeline.steps.rail import Inserts

Found = TypeVar("Found")
Find = Callable[[str, Iterable[str]], Found]


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What an organism file describes, imported and checked: ready to be put in place."""

    file: Path
    loaded: LoadedConfig
    listeners: tuple[Listener, ...]
    inserts: Inserts

    @property
    def config(self) -> OrganismConfig:
        """Return what the file says."""
        return self.loaded.config


class Drawing:
    """One attempt at a blueprint, and what is wrong with it."""

    def __init__(self, file: Path, loaded: LoadedConfig) -> None:
        self._file = file
        self._loaded = replace(loaded, config=located(loaded.config, file.parent))
        self._problems: list[tuple[Place, str]] = []
        self._broken: set[str] = set()

    def blueprint(self) -> Blueprint:
        """Import everything; ConfigError lists all that is wrong, in order."""
        config = self._loaded.config
        for path, text in not_yet(config):
            self._report(path, text)
        for path, text in examine(config)[1]:
            self._report(path, text)
        listeners = [self._listener(*each) for each in enumerate(config.listeners)]
        pipeline = config.pipeline
        inserts = Inserts(
            self._several(("pipeline", "envelope"), pipeline.envelope, step_at),
            self._several(("pipeline", "delivery"), pipeline.delivery, step_at),
        )
        if self._problems:
            raise ConfigError(tuple(text for _, text in sorted(self._problems)))
        drawn = tuple(each for each in listeners if each is not None)
        return Blueprint(self._file, self._loaded, drawn, inserts)

    def _listener(self, index: int, config: ListenerConfig) -> Listener | None:
        """Make a listener; None where something is wrong with it."""
        at = ("listeners", index)
        handler = self._handler_of(at, config)
        accepts = self._several((*at, "payload_class"), config.payload_class, payload_at)
        output = self._several((*at, "output_class"), _one(config.output_class), payload_at)
        if handler is None or len(accepts) < len(config.payload_class):
            return None
        accepts = self._agreed(at, handler, accepts)
        if config.cpu_bound and not self._loaded.config.process_pool.enabled:
            self._report((*at, "cpu_bound"), "needs `process_pool.enabled`: there is no worker")
        try:
            return _assembled(config, handler, accepts, output) if accepts else None
        except (TypeError, ValueError) as error:
            self._report(at, str(error))
            return None

    def _handler_of(self, at: KeyPath, config: ListenerConfig) -> Handler | None:
        if config.handler is None or plugin_handler(config.handler):
            return None  # reported by `not_yet`
        return self._attempt((*at, "handler"), config.handler, handler_at)

    def _agreed(self, at: KeyPath, handler: Handler, accepts: tuple[type, ...]) -> tuple[type, ...]:
        """Return what the listener accepts, as its file and its handler's annotation agree."""
        taken = payloads_of(handler)
        if not accepts and not taken:
            text = "its annotation does not tell which payload it takes: name a `payload_class`"
            self._report((*at, "handler"), text)
        for position, each in enumerate(accepts):
            if taken and not issubclass(each, taken):
                words = " or ".join(map(_path_of, taken))
                text = f'"{_path_of(each)}" is not what the handler takes: {words}'
                self._report(self._item((*at, "payload_class"), position), text)
        return accepts or taken

    def _several(
        self, path: KeyPath, texts: tuple[str, ...], find: Find[Found]
    ) -> tuple[Found, ...]:
        items = ((self._item(path, position), text) for position, text in enumerate(texts))
        found = [self._attempt(where, text, find) for where, text in items]
        return tuple(each for each in found if each is not None)

    def _item(self, path: KeyPath, position: int) -> KeyPath:
        """Return the way to an item of a list, which may be written as a lone text."""
        item = (*path, position)
        return item if item in self._loaded.source.values else path

    def _attempt(self, path: KeyPath, text: str, find: Find[Found]) -> Found | None:
        """Find what a text names; None where that fails, which is told.

        A module that failed is not run again for the next name in it.
        """
        module = import_path(text).module
        if module in self._broken:
            return None
        try:
            return find(text, self._loaded.config.allow_imports)
        except ConfigError as error:
            for each in error.problems:
                self._report(path, each)
        except PluginNotFound as error:
            self._report(path, str(error))
        if module not in sys.modules:
            self._broken.add(module)
        return None

    def _report(self, path: KeyPath, text: str) -> None:
        source = self._loaded.source
        self._problems.append((source.place(path), source.problem(path, text)))


def _path_of(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def _one(text: str | None) -> tuple[str, ...]:
    return () if text is None else (text,)


def _assembled(
    config: ListenerConfig, handler: Handler, accepts: tuple[type, ...], output: tuple[type, ...]
) -> Listener:
    listener = Listener(
        config.name,
        accepts,
        handler,
        description=config.description,
        agent=config.agent,
        peers=config.peers,
        broadcast=config.broadcast,
        group=config.group,
        max_concurrent=config.max_concurrent,
        timeout=config.timeout,
        output=output or None,
        prompt=config.prompt,
        max_hops=config.max_hops,
        require_signature=config.require_signature,
        cpu_bound=config.cpu_bound,
    )
    if listener.cpu_bound:
        paths_of(listener)
    return listener
