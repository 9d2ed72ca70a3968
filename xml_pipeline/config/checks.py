"""What no single section can know: whether the parts of an organism file fit together.

The checks read plain data, so that they also run, and report, when the models refuse a part
of it. Whatever has the wrong shape is passed over here: the models speak of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from xml_pipeline import names
from xml_pipeline.config.organism import OrganismConfig
from xml_pipeline.config.source import KeyPath, Source

IMPORTS = (
    ("listeners", "*", "payload_class", "*"),
    ("listeners", "*", "handler"),
    ("listeners", "*", "output_class"),
    ("pipeline", "envelope", "*"),
    ("pipeline", "delivery", "*"),
)
"""Where import paths stand."""


class Finding(NamedTuple):
    """Something wrong, or odd, at one place of the file."""

    path: KeyPath
    text: str
    hint: str = ""


def problems(data: Any, source: Source) -> Iterator[Finding]:
    """Yield what makes the file unusable."""
    yield from _names_taken(data, source)
    yield from _unknown_peers(data)
    yield from _foreign_imports(data)
    yield from _locked_doors(data)


def oddities(config: OrganismConfig) -> Iterator[Finding]:
    """Yield what is allowed, but most likely not meant."""
    yield from _needless_peers(config)
    yield from _forgotten_listeners(config)


def texts(data: Any, *pattern: str) -> list[tuple[KeyPath, str]]:
    """Return the texts, with their ways, that a pattern of keys and ``*`` for items leads to.

    A lone text counts as a list of one.
    """
    found: list[tuple[KeyPath, Any]] = [((), data)]
    for part in pattern:
        found = [
            (path + step, value) for path, each in found for step, value in _inside(each, part)
        ]
    return [(path, value) for path, value in found if isinstance(value, str)]


def _inside(value: Any, part: str) -> Iterator[tuple[KeyPath, Any]]:
    if part != "*":
        if isinstance(value, dict) and part in value:
            yield (part,), value[part]
    elif isinstance(value, list):
        yield from (((index,), each) for index, each in enumerate(value))
    elif isinstance(value, str):
        yield (), value


def _names_taken(data: Any, source: Source) -> Iterator[Finding]:
    """Names and groups share one space, and differ by more than capitals."""
    taken: dict[str, KeyPath] = {}
    for path, name in texts(data, "listeners", "*", "name"):
        first = taken.setdefault(name.lower(), path)
        if first != path:
            line = source.place(first).line
            yield Finding(path, f'"{name}" is already the listener of line {line}')
    for path, group in texts(data, "listeners", "*", "group"):
        if group.lower() in taken:
            line = source.place(taken[group.lower()]).line
            yield Finding(path, f'the group "{group}" is also the listener of line {line}')


def _unknown_peers(data: Any) -> Iterator[Finding]:
    known = {name for _, name in texts(data, "listeners", "*", "name")}
    known |= {group for _, group in texts(data, "listeners", "*", "group")}
    known |= set(names.SYSTEM_LISTENERS)
    for path, peer in texts(data, "listeners", "*", "peers", "*"):
        if peer != "*" and peer not in known:
            hint = names.did_you_mean(peer, sorted(known))
            yield Finding(path, f'there is no listener or group "{peer}"', hint)


def _foreign_imports(data: Any) -> Iterator[Finding]:
    """Import paths lie below ``allow_imports``; what is no import path is the models' affair."""
    allowed = _allowed_packages(data)
    for pattern in IMPORTS:
        for path, text in texts(data, *pattern):
            if text.partition(":")[0] in names.HANDLER_ROOMS and pattern[-1] == "handler":
                continue
            try:
                found = names.import_path(text)
            except ValueError:
                continue
            if found.prefix(allowed) is None:
                yield Finding(path, *_not_allowed(found, allowed))


def _allowed_packages(data: Any) -> tuple[str, ...]:
    if isinstance(data, dict) and "allow_imports" in data:
        return tuple(text for _, text in texts(data, "allow_imports", "*"))
    return OrganismConfig().allow_imports


def _not_allowed(found: names.ImportPath, allowed: Iterable[str]) -> tuple[str, str]:
    """Return the refusal and the next step for an import from elsewhere."""
    package = found.module.partition(".")[0]
    hint = names.did_you_mean(package, allowed) or "a package of yours goes into `allow_imports`"
    return f'"{found}" is not below {" or ".join(allowed) or "any package"}', hint


def _locked_doors(data: Any) -> Iterator[Finding]:
    """Signatures are required, and there is no key that one could be checked with."""
    if not isinstance(data, dict) or data.get("trusted_keys"):
        return
    listeners = data.get("listeners")
    sections: list[tuple[KeyPath, Any]] = [((), data)]
    if isinstance(listeners, list):
        sections += [(("listeners", index), each) for index, each in enumerate(listeners)]
    for path, section in sections:
        if isinstance(section, dict) and section.get("require_signature") is True:
            text = "nobody outside could be heard: `trusted_keys` names no sender"
            yield Finding((*path, "require_signature"), text)


def _needless_peers(config: OrganismConfig) -> Iterator[Finding]:
    for index, listener in enumerate(config.listeners):
        for position, peer in enumerate(listener.peers):
            path = ("listeners", index, "peers", position)
            if peer == listener.name:
                yield Finding(path, "every listener may address itself: no need to list it")
            elif peer in listener.peers[:position]:
                yield Finding(path, f'"{peer}" is listed twice')


def _forgotten_listeners(config: OrganismConfig) -> Iterator[Finding]:
    """In an organism with peers, a listener that has none itself, and is nobody's peer.

    Senders outside still reach it by name, so it may be meant.
    """
    listed = {peer for each in config.listeners for peer in each.peers if peer != each.name}
    for index, listener in enumerate(config.listeners):
        is_leaf = not (listener.peers or listener.agent or listener.broadcast)
        if listed and is_leaf and listed.isdisjoint({"*", listener.name, listener.group}):
            text = "nobody lists it as a peer: only senders outside can reach it"
            yield Finding(("listeners", index, "name"), text)
