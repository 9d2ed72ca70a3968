"""A configuration to listeners: all that it names is imported, and all that is wrong is told.

The rule of this file: a blueprint is whole. If anything is wrong, there is none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import util
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from xml_pipeline.blueprint.builtin import built, plugin_of
from xml_pipeline.blueprint.code import (
    function_at,
    handler_at,
    payload_at,
    payloads_of,
    source_at,
    step_at,
    strategy_at,
)
from xml_pipeline.blueprint.ineffective import ineffective
from xml_pipeline.blueprint.located import located
from xml_pipeline.blueprint.profiles import held_to_profiles
from xml_pipeline.builtin import Built, Check, Misconfigured, Parts, Plan
from xml_pipeline.catalogue import find
from xml_pipeline.commons import Commons
from xml_pipeline.config import (
    CONDITIONS,
    STRATEGY,
    Draft,
    Finding,
    KeyPath,
    ListenerConfig,
    LoadedConfig,
    OrganismConfig,
    sources_of,
    unknown_parts,
    unknown_steps,
)
from xml_pipeline.dispatch.by_name import paths_of
from xml_pipeline.errors import ConfigError, PluginNotFound
from xml_pipeline.identity.credentials import examine
from xml_pipeline.listener import Listener
from xml_pipeline.names import ImportPath
from xml_pipeline.registries.permissions import permissions_of
from xml_pipeline.sandbox import Sandbox
from xml_pipeline.sources import lineage
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

    def __init__(self, file: Path, draft: Draft, commons: Commons) -> None:
        self._file = file
        self._commons = commons
        self._draft = draft
        self._config = located(draft.config, file.parent)
        self._imports = draft.imports()
        self._findings: list[Finding] = []
        self._broken: set[str] = set()
        self._checks: list[tuple[KeyPath, Check]] = []

    def blueprint(self) -> Blueprint:
        """Import everything; ConfigError lists all that is wrong, in order."""
        self._findings += ineffective(self._draft.document)
        self._findings += unknown_steps(self._draft.document)
        for path, text in examine(self._config)[1]:
            if path != ("require_signature",):  # the file says by itself whether it names keys
                self._report(path, text)
        said = list(self._draft.listeners())
        made = (self._listener(*each) for each in said)
        own = tuple(each for each in made if each is not None)
        drawn = held_to_profiles(
            (*own, *self._served(own), *self._elsewhere()),
            (config for _, config in said),
            self._config,
        )
        self._check({each.name: each for each in drawn})
        self._check_default(drawn)
        inserts = Inserts(
            tuple(self._named(step_at, "pipeline", "envelope", "*").values()),
            tuple(self._named(step_at, "pipeline", "delivery", "*").values()),
        )
        loaded = replace(self._draft.usable(self._findings), config=self._config)
        return Blueprint(self._file, loaded, drawn, inserts)

    def _check_default(self, drawn: Iterable[Listener]) -> None:
        """Report a default agent for A2A clients whom they cannot see."""
        default = self._config.a2a.default
        shown = [each.name for each in drawn if "a2a" in each.expose]
        if default is not None and default not in (*shown, *self._broken):
            self._report(("a2a", "default"), f'no listener "{default}" says `expose: a2a`')

    def _listener(self, at: KeyPath, config: ListenerConfig) -> Listener | None:
        """Make a listener; None where what it is made of is wrong."""
        handler = next(iter(self._named(handler_at, *at, "handler").values()), None)
        accepts = self._named(payload_at, *at, "payload_class", "*")
        output = tuple(self._named(payload_at, *at, "output_class").values())
        if (plugin := plugin_of(config)) is not None:
            return self._built(at, config, plugin, tuple(accepts.values()), output)
        if config.cpu_bound and not self._config.process_pool.enabled:
            self._report((*at, "cpu_bound"), "needs `process_pool.enabled`: there is no worker")
        sandbox = self._sandbox(at, config)
        if handler is None:
            return None
        agreed = self._agreed(at, config, payloads_of(handler), accepts)
        made = Built(handler, agreed, output, sandbox=sandbox)
        return self._assembled(at, config, made) if agreed else None

    def _sandbox(self, at: KeyPath, config: ListenerConfig) -> Sandbox | None:
        """Return the sandbox that a listener asks for; None where it asks for none, or in vain."""
        if config.sandbox is None:
            return None
        module: Any = find("tools", "enclosed")
        try:
            found: Sandbox = module.sandbox_of(config.sandbox, self._config, self._file.parent)
        except ConfigError as error:
            for each in error.problems:
                self._report((*at, "sandbox"), each)
            return None
        return found

    def _built(
        self,
        at: KeyPath,
        config: ListenerConfig,
        plugin: tuple[str, str],
        accepts: tuple[type, ...],
        output: tuple[type, ...],
    ) -> Listener | None:
        """Make a listener that a plug-in handles."""
        folder = self._file.parent
        functions = self._functions(at)
        if functions is None:
            return None
        plan = Plan(config, self._config, folder, self._commons, accepts, output, functions)
        parts = Parts()
        made = parts.make(lambda: built(plugin, plan), "handler" if config.handler else "model")
        self._refer(at, parts.findings)
        if made is None:
            return None
        if made.check is not None:
            self._checks.append((at, made.check))
        return self._assembled(at, config, made)

    def _functions(self, at: KeyPath) -> dict[str, Callable[..., Any]] | None:
        """Return what conditions and strategies name; None where anything about them is wrong."""
        document = self._draft.document
        if any(document.doubts(*at, key) for key in ("steps", "until", STRATEGY[0])):
            return None
        named: list[tuple[Find[Callable[..., Any]], KeyPath]] = [
            *((function_at, (*at, *each, "function")) for each in CONDITIONS),
            (strategy_at, (*at, *STRATEGY)),
        ]
        found = {k: v for find, each in named for k, v in self._named(find, *each).items()}
        written = {path: text for _, each in named for path, text in document.texts(*each)}
        if len(found) < len(written):
            return None
        return {written[path]: each for path, each in found.items()}

    def _served(self, listeners: Collection[Listener]) -> tuple[Listener, ...]:
        """Make the listeners that stand for the parts of MCP servers, beside those of the file."""
        document = self._draft.document
        if not self._config.mcp.servers or document.doubts("mcp"):
            return ()
        module: Any = find("mcp", "servers")
        try:
            found: tuple[Listener, ...] = module.listeners(
                self._config,
                self._file.parent,
                self._commons,
                module.Named(self._sources(), {each.name: each for each in listeners}),
            )
        except Misconfigured as error:
            self._findings += error.findings
        except ConfigError as error:
            for each in error.problems:
                self._report(("mcp", "pins"), each)
        else:
            self._findings += unknown_parts(document, [each.name for each in found])
            return found
        return ()

    def _sources(self) -> dict[str, Callable[..., Any]]:
        """Return what knows the tokens of users, by its import path as servers name it."""
        found: dict[str, Callable[..., Any]] = {}
        for each in sources_of(self._draft.document):
            named = self._named(source_at, *each)
            texts = self._draft.document.texts(*each)
            found |= {text: named[path] for path, text in texts if path in named}
        return found

    def _elsewhere(self) -> tuple[Listener, ...]:
        """Make the listeners that stand for agents elsewhere."""
        if not self._config.a2a.agents or self._draft.document.doubts("a2a"):
            return ()
        try:
            module: Any = find("a2a", "agents", called="an agent elsewhere")
            found: tuple[Listener, ...] = module.listeners(
                self._config, self._file.parent, self._commons
            )
        except Misconfigured as error:
            self._findings += error.findings
        except PluginNotFound as error:
            self._report(("a2a", "agents"), str(error))
        except ConfigError as error:
            for each in error.problems:
                self._report(("a2a", "pins"), each)
        else:
            return found
        return ()

    def _check(self, listeners: Mapping[str, Listener]) -> None:
        """Let the plug-ins look at those whom their listeners have to do with."""
        for at, check in self._checks:
            self._refer(at, check(listeners))

    def _refer(self, at: KeyPath, findings: Iterable[Finding]) -> None:
        self._findings += (each._replace(path=(*at, *each.path)) for each in findings)

    def _assembled(self, at: KeyPath, config: ListenerConfig, parts: Built) -> Listener | None:
        try:
            return _listener(config, parts)
        except (TypeError, ValueError) as error:
            self._report(at, str(error).removeprefix(f"listener {config.name}: "))
            return None

    def _agreed(
        self,
        at: KeyPath,
        config: ListenerConfig,
        taken: tuple[type, ...],
        accepts: Mapping[KeyPath, type],
    ) -> tuple[type, ...]:
        """Return what a listener accepts, as its file and its handler's annotation agree.

        Nothing if all that the file names is wrong.
        """
        for path, each in accepts.items():
            if taken and not issubclass(each, taken):
                words = " or ".join(map(_path_of, taken))
                self._report(path, f'"{_path_of(each)}" is not what the handler takes: {words}')
        if config.payload_class or self._draft.document.doubts(*at, "payload_class"):
            return tuple(accepts.values())
        if not taken:
            text = "its annotation does not tell which payload it takes: name a `payload_class`"
            self._report((*at, "handler"), text)
        return taken

    def _named(self, find: Find[Found], *pattern: str | int) -> dict[KeyPath, Found]:
        """Return all that can be found of what a part of the file names."""
        named = (path for path, _ in self._draft.document.texts(*pattern) if path in self._imports)
        found = {path: self._attempt(path, self._imports[path], find) for path in named}
        return {path: each for path, each in found.items() if each is not None}

    def _attempt(self, path: KeyPath, wanted: ImportPath, find: Find[Found]) -> Found | None:
        """Find what a path names; None where that fails, which is told.

        A module that failed is not run again for the next name in it. One that is not there is
        told of at each of its names, unless all of its package is missing.
        """
        if not self._broken.isdisjoint(lineage(wanted.module)):
            return None
        try:
            return find(str(wanted), self._draft.allow_imports)
        except ConfigError as error:
            for each in error.problems:
                self._report(path, each)
            self._broken.update(_first_missing(lineage(wanted.module)))
        except PluginNotFound as error:
            self._report(path, str(error))
            self._broken.update(_first_missing(islice(lineage(wanted.module), 1)))
        return None

    def _report(self, path: KeyPath, text: str) -> None:
        self._findings.append(Finding(path, text))


def _first_missing(modules: Iterable[str]) -> Iterator[str]:
    return islice((each for each in modules if each not in sys.modules), 1)


def _path_of(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def _listener(config: ListenerConfig, parts: Built) -> Listener:
    own_time = "timeout" in config.model_fields_set or parts.timeout is None
    listener = Listener(
        config.name,
        parts.accepts,
        parts.handler,
        description=config.description,
        agent=config.agent,
        peers=tuple(dict.fromkeys((*config.peers, *parts.peers))),
        broadcast=config.broadcast,
        group=config.group,
        max_concurrent=config.max_concurrent,
        timeout=config.timeout if own_time else parts.timeout or config.timeout,
        max_deliveries=config.max_deliveries,
        retry_delays=(config.retry.base_delay, config.retry.max_delay),
        output=parts.output or None,
        prompt=config.prompt,
        max_hops=config.max_hops,
        require_signature=config.require_signature,
        expose=config.expose,
        come_back=config.come_back,
        cpu_bound=config.cpu_bound,
        acts_for_caller=parts.acts_for_caller,
        keeps_depth=parts.keeps_depth,
        opens_blackboard=parts.opens_blackboard,
        acts_outside=config.reaches_outside or parts.acts_outside,
        permissions=permissions_of(config.permissions),
        sandbox=parts.sandbox,
    )
    if listener.expose and not listener.codecs:
        raise ValueError("`expose`: it takes any XML, so nobody could know what to send it")
    if "a2a" in listener.expose and util.find_spec("a2a") is None:
        raise ValueError('`expose: a2a` needs "a2a": python -m pip install "xml-pipeline[a2a]"')
    if listener.apart:
        paths_of(listener)
    return listener
