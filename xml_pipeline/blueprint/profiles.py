"""Holds agents to their profiles.

The rule this file guards: a profile takes peers away and adds none. So what it leaves out is
refused by the pump, like everybody who is no peer, whatever a model was shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from xml_pipeline.config import PROFILES, ListenerConfig, OrganismConfig
from xml_pipeline.listener import Listener
from xml_pipeline.names import ADDRESSABLE

Patterns = tuple[str, ...]


class Known(NamedTuple):
    """Whom a peer may mean: a name, the group that it is in, and what handles it."""

    name: str
    group: str | None
    kind: str


def held_to_profiles(
    listeners: Iterable[Listener], configs: Iterable[ListenerConfig], organism: OrganismConfig
) -> tuple[Listener, ...]:
    """Return the listeners, with the peers that their profiles leave them."""
    listeners, said = tuple(listeners), {each.name: each for each in configs}
    known = [
        *(Known(each.name, each.group, _kind(each, said.get(each.name))) for each in listeners),
        *(Known(name, None, "") for name in sorted(ADDRESSABLE)),
    ]
    profiles = {**PROFILES, **organism.profiles}
    return tuple(_held(each, said.get(each.name), profiles, known) for each in listeners)


def _held(
    listener: Listener,
    config: ListenerConfig | None,
    profiles: Mapping[str, Patterns],
    known: Iterable[Known],
) -> Listener:
    if config is None or config.profile is None or "*" in profiles[config.profile]:
        return listener
    patterns = profiles[config.profile]
    left = (each.name for each in known if each.name != listener.name and _fits(each, patterns))
    reached = set(_reached(config.peers, known))
    own = (each for each in listener.peers if each not in config.peers)  # It cannot do without.
    return listener.with_peers((*(name for name in left if name in reached), *own))


def _reached(peers: Iterable[str], known: Iterable[Known]) -> Iterator[str]:
    """Yield the names of all that these peers mean."""
    meant = set(peers)
    for each in known:
        if not meant.isdisjoint({"*", each.name, each.group}):
            yield each.name


def _fits(known: Known, patterns: Patterns) -> bool:
    return any(
        fnmatchcase(known.kind, each)
        if ":" in each
        else fnmatchcase(known.name, each) or fnmatchcase(known.group or "", each)
        for each in patterns
    )


def _kind(listener: Listener, config: ListenerConfig | None) -> str:
    """Return what handles a listener, as a file would say it; nothing for code and for models."""
    return f"mcp:{listener.name}" if config is None else config.handler or ""
