"""YAML nodes to plain data, with the place of every key and value.

What YAML 1.1 reads otherwise than people write it (``on:``, ``12:30``, ``010``, dates) is
refused instead of guessed; a key with nothing behind it counts as not written.
"""

from __future__ import annotations

import re
from typing import Any

from yaml.constructor import SafeConstructor
from yaml.nodes import Node, ScalarNode, SequenceNode
from yaml.resolver import Resolver

from xml_pipeline.config.document import Document
from xml_pipeline.config.environment import REFERENCE, Environment
from xml_pipeline.config.source import KeyPath, Place, Source, key_text
from xml_pipeline.errors import ConfigError

MOST_LEVELS = 32
MOST_VALUES = 50_000

TAG = "tag:yaml.org,2002:"
KINDS = {
    "binary": "bytes",
    "float": "a number",
    "int": "a number",
    "null": "nothing",
    "timestamp": "a date",
}
_OCTAL = re.compile(r"[-+]?0[0-7_]+")


def build_document(file: str, root: Node, environment: Environment) -> Document:
    """Build what a composed file says; ConfigError if aliases blow it up beyond the caps."""
    builder = _Builder(file, environment)
    data = builder.build(root, ())
    return Document(data, builder.source, frozenset(builder.problems), frozenset(builder.refused))


def place_of(node: Node) -> Place:
    """Return where a node begins."""
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


class _Builder:
    """Collects the data, the places and the problems of one file."""

    def __init__(self, file: str, environment: Environment) -> None:
        self._environment = environment
        self._values: dict[KeyPath, Place] = {}
        self._keys: dict[KeyPath, Place] = {}
        self._unquoted: dict[KeyPath, str] = {}
        self._built = 0
        self.source = Source(file, self._values, self._keys, self._unquoted)
        self.problems: list[tuple[Place, str]] = []
        self.refused: set[KeyPath] = set()

    def build(self, node: Node, path: KeyPath) -> Any:
        """Return the value of a node, its problems noted."""
        self._built += 1
        self._values[path] = place_of(node)
        if self._built > MOST_VALUES or len(path) > MOST_LEVELS:
            words = (
                f"the file has more than {MOST_VALUES} values or {MOST_LEVELS} levels, when each"
                " alias counts as what it stands for"
            )
            raise ConfigError((self.source.sentence(place_of(node), words),))
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if node.tag not in (f"{TAG}seq", f"{TAG}map"):
            self._reject(node, path, _not_used(node))
        if isinstance(node, SequenceNode):
            return [self.build(each, (*path, index)) for index, each in enumerate(node.value)]
        return self._mapping(node, path)

    def _mapping(self, node: Node, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key is None:
                continue
            here = (*path, key)
            if key in found:
                first = self._keys[here].line
                self._complain(key_node, f'"{key}" is written twice; the first is in line {first}')
                continue
            self._keys[here] = place_of(key_node)
            found[key] = self.build(value_node, here)
        return {key: value for key, value in found.items() if value is not None}

    def _key(self, node: Node) -> str | None:
        """Return a key that is text; anything else is a problem, and nothing."""
        kind = node.tag.removeprefix(TAG)
        if not isinstance(node, ScalarNode) or not _is_unicode(node.value):
            self._complain(node, "a key must be text")
        elif kind in ("str", "value"):
            return str(node.value)
        elif kind == "merge":
            self._complain(node, "merge keys (`<<`) are not read; write the keys out")
        else:
            read = _as_bool(node.value) if kind == "bool" else KINDS.get(kind, kind)
            words = f"YAML 1.1 reads the key `{node.value}` as {read}"
            self._complain(node, f'{words}; put it in quotes: "{node.value}"')
        return None

    def _scalar(self, node: ScalarNode, path: KeyPath) -> Any:
        text, tag = node.value, node.tag
        is_plain = node.style is None
        if tag == f"{TAG}str" and "$" in text:
            try:
                text = self._environment.expand(text)
            except ValueError as error:
                return self._refuse(node, path, str(error))
            if is_plain and REFERENCE.fullmatch(node.value):
                tag = _plain_tag(text)
        if is_plain and tag != f"{TAG}str":
            self._unquoted[path] = node.value
        return self._typed(ScalarNode(tag, text), node, path)

    def _typed(self, scalar: ScalarNode, node: ScalarNode, path: KeyPath) -> Any:
        """Return what a scalar stands for; ``node`` is how it is written."""
        match scalar.tag.removeprefix(TAG):
            case "str" | "value":
                if not _is_unicode(scalar.value):
                    return self._refuse(node, path, "half of a surrogate pair is no character")
                return scalar.value
            case "null":
                return None
            case "bool" if (read := _as_bool(scalar.value)) is not None:
                return read == "true"
            case "int" | "float":
                return self._number(scalar, node, path)
            case "timestamp":
                words = f"YAML reads `{node.value}` as a date"
                return self._refuse(node, path, f'{words}; put it in quotes: "{node.value}"')
        return self._refuse(node, path, _not_used(scalar))

    def _number(self, scalar: ScalarNode, node: ScalarNode, path: KeyPath) -> Any:
        """Return a number, unless YAML 1.1 reads it in base 60 or 8, or cannot hold it."""
        is_int = scalar.tag == f"{TAG}int"
        read = SafeConstructor()
        try:
            value = read.construct_yaml_int(scalar) if is_int else read.construct_yaml_float(scalar)
        except (ValueError, IndexError):
            return self._refuse(node, path, f"`{node.value}` is too long or no number")
        if ":" in scalar.value or (is_int and _OCTAL.fullmatch(scalar.value)):
            is_written = scalar.value == node.value  # else it may be a secret: do not show it
            read_as, or_so = (
                (f"the number {value}", f" or {value}") if is_written else ("a number", "")
            )
            words = f"YAML 1.1 reads `{node.value}` as {read_as}"
            return self._refuse(node, path, f'{words}; write "{node.value}"{or_so}')
        return value

    def _reject(self, node: Node, path: KeyPath, text: str) -> None:
        self._complain(node, f"{key_text(path)}: {text}" if path else text)
        self.refused.add(path)

    def _complain(self, node: Node, text: str) -> None:
        self.problems.append((place_of(node), self.source.sentence(place_of(node), text)))

    def _refuse(self, node: ScalarNode, path: KeyPath, text: str) -> str:
        self._reject(node, path, text)
        return str(node.value).encode(errors="backslashreplace").decode()


def _not_used(node: Node) -> str:
    return f"the tag `{node.tag.replace(TAG, '!!')}` is not used here"


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= each <= "\udfff" for each in text)


def _plain_tag(text: str) -> str:
    """Return what YAML takes an unquoted text for."""
    resolve = Resolver().resolve
    return str(resolve(ScalarNode, text, (True, False)))  # type: ignore[no-untyped-call]


def _as_bool(text: str) -> str | None:
    """Return ``true`` or ``false`` as YAML 1.1 reads ``on``, ``no`` and their like."""
    value = SafeConstructor.bool_values.get(text.lower())
    return None if value is None else str(value).lower()
