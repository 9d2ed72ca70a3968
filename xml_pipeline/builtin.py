"""Built-in listeners: how a plug-in tells the blueprint what handles a listener.

A module of a room whose plug-ins may be handlers (``tools:shell``, ``agents:loop``) has a
function ``configured(plan) -> Built``. It raises ConfigError with what is wrong, each problem a
sentence that may begin with the name of a key in backquotes, or Misconfigured with the places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from xml_pipeline.commons import Commons
from xml_pipeline.config import Finding, ListenerConfig, OrganismConfig
from xml_pipeline.errors import ConfigError, PluginNotFound
from xml_pipeline.listener import Handler, Listener
from xml_pipeline.sandbox import Sandbox

Check = Callable[[Mapping[str, Listener]], Iterable[Finding]]
"""Looks at all listeners of the file, by name, and says what does not fit: as a ``Misconfigured``
does. Those that could not be made are missing: they are told of already."""


class Misconfigured(ConfigError):
    """A plug-in cannot handle a listener; each finding's path begins at that listener."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__(tuple(each.text for each in self.findings))


Part = TypeVar("Part")


class Parts:
    """Makes what a listener consists of, and keeps what is wrong with each part, and where.

    So a plug-in tells of all mistakes at once: it raises Misconfigured with the ``findings``.
    """

    def __init__(self, findings: Iterable[Finding] = ()) -> None:
        self.findings = [*findings]

    def make(self, make: Callable[[], Part], *at: str | int) -> Part | None:
        """Return what is made for the key at a path, None where that cannot be."""
        try:
            return make()
        except Misconfigured as error:
            self.findings += error.findings
        except (ConfigError, PluginNotFound) as error:
            problems = error.problems if isinstance(error, ConfigError) else (str(error),)
            self.findings += (Finding(at, each) for each in problems)
        return None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a built-in listener is to be made from.

    ``folder`` is where the organism file lies; ``accepts`` and ``output`` are the payload classes
    that it names, none where it leaves that to the plug-in; ``functions`` those of its
    conditions and its strategy, by their import paths as they are written.
    """

    listener: ListenerConfig
    organism: OrganismConfig
    folder: Path
    commons: Commons
    accepts: tuple[type, ...] = ()
    output: tuple[type, ...] = ()
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Built:
    """What handles a built-in listener, what it takes, and what it answers with.

    ``peers`` are those that it needs beside the ones its file names; ``acts_for_caller`` as in
    ``Listener``, and so do ``keeps_depth``, ``opens_blackboard`` and ``acts_outside``; ``timeout``
    is for a listener whose file names none. ``check`` is called once all listeners are known.
    ``sandbox`` is the one that a handler of the user's own runs in.
    """

    handler: Handler
    accepts: tuple[type, ...]
    output: tuple[type, ...] = ()
    peers: tuple[str, ...] = ()
    acts_for_caller: bool = False
    keeps_depth: bool = False
    opens_blackboard: bool = False
    acts_outside: bool = False
    timeout: float | None = None
    check: Check | None = None
    sandbox: Sandbox | None = None


Configured = Callable[[Plan], Built]
