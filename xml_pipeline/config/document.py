"""An organism file as plain data, and what of it may not be relied upon.

The rule of this package: one mistake hides no other. Whoever checks reads this, and passes over
what is refused; so everything that can be told is told in one round, and nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from xml_pipeline.config.source import KeyPath, Place, Source


class Finding(NamedTuple):
    """Something wrong, or odd, at one value of the file, or at its key."""

    path: KeyPath
    text: str
    hint: str = ""
    at_key: bool = False


@dataclass(frozen=True)
class Document:
    """What was read: plain data, where it stands, and what is wrong with it so far.

    A value whose path is in ``refused`` has its problem already. YAML may have given none: then
    it stands in ``data`` as the text that was written. Or its key is missing, and told of.
    """

    data: Any
    source: Source
    problems: frozenset[tuple[Place, str]] = frozenset()
    refused: frozenset[KeyPath] = frozenset()

    def refusing(self, findings: Iterable[Finding]) -> Document:
        """Return the same document with these values refused and told of."""
        findings = tuple(findings)
        refused = self.refused.union(each.path for each in findings)
        return replace(self.telling(findings), refused=refused)

    def telling(self, findings: Iterable[Finding]) -> Document:
        """Return the same document with more problems, but for those of refused values."""
        fresh = (each for each in findings if each.at_key or each.path not in self.refused)
        return replace(self, problems=self.problems.union(map(self.placed, fresh)))

    def renaming(self, keys: Mapping[KeyPath, str]) -> Document:
        """Return the same document with other names for these keys, all else in its place."""
        refused = frozenset(_renamed(path, keys) for path in self.refused)
        data, source = _with_keys(self.data, (), keys), self.source
        return replace(
            self,
            data=data,
            refused=refused,
            source=replace(
                source,
                values={_renamed(path, keys): each for path, each in source.values.items()},
                keys={_renamed(path, keys): each for path, each in source.keys.items()},
                unquoted={_renamed(path, keys): each for path, each in source.unquoted.items()},
            ),
        )

    def placed(self, finding: Finding) -> tuple[Place, str]:
        """Return the place of a finding, and its sentence."""
        path, text, hint, at_key = finding
        place = self.source.place(path, at_key=at_key)
        return place, self.source.problem(path, text, hint=hint, at_key=at_key)

    def texts(self, *pattern: str | int) -> list[tuple[KeyPath, str]]:
        """Return the texts that can be relied upon, as ``texts`` finds them."""
        found = texts(self.data, *pattern)
        return [(path, text) for path, text in found if path not in self.refused]

    def listeners(self) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
        """Yield what is written of each listener, with its way; passes over what is none."""
        listeners = self.data.get("listeners") if isinstance(self.data, dict) else None
        for index, each in enumerate(listeners if isinstance(listeners, list) else ()):
            if isinstance(each, dict):
                yield ("listeners", index), each

    def doubts(self, *path: str | int) -> bool:
        """Tell whether a value, or something in it, is refused."""
        return path in self._doubtful

    @cached_property
    def _doubtful(self) -> frozenset[KeyPath]:
        return frozenset(path[:end] for path in self.refused for end in range(len(path) + 1))


def texts(data: Any, *pattern: str | int) -> list[tuple[KeyPath, str]]:
    """Return the texts, with their ways, that a pattern of keys and ``*`` for items leads to.

    A lone text counts as a list of one.
    """
    found: list[tuple[KeyPath, Any]] = [((), data)]
    for part in pattern:
        found = [
            (path + step, value) for path, each in found for step, value in _inside(each, part)
        ]
    return [(path, value) for path, value in found if isinstance(value, str)]


def value_at(data: Any, path: KeyPath) -> Any:
    """Return what stands at a path of keys, or None."""
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _inside(value: Any, part: str | int) -> Iterator[tuple[KeyPath, Any]]:
    if part != "*":
        is_there = part in value if isinstance(value, dict) else _is_item(value, part)
        if is_there:
            yield (part,), value[part]
    elif isinstance(value, list):
        yield from (((index,), each) for index, each in enumerate(value))
    elif isinstance(value, str):
        yield (), value


def _is_item(value: Any, part: str | int) -> bool:
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _renamed(path: KeyPath, keys: Mapping[KeyPath, str]) -> KeyPath:
    return tuple(keys.get(path[: end + 1], part) for end, part in enumerate(path))


def _with_keys(data: Any, at: KeyPath, keys: Mapping[KeyPath, str]) -> Any:
    if isinstance(data, list):
        return [_with_keys(each, (*at, index), keys) for index, each in enumerate(data)]
    if not isinstance(data, dict):
        return data
    ways = {key: (*at, key) for key in data}
    return {keys.get(ways[key], key): _with_keys(data[key], ways[key], keys) for key in data}
