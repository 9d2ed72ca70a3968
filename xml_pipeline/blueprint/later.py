"""What an organism file may say already and this version cannot do yet.

The rule of this file: a setting is honoured or refused, never passed over. Whoever builds a
part takes its keys out of here.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

from xml_pipeline.config import Document, Finding, KeyPath, ListenerConfig, OrganismConfig, value_at
from xml_pipeline.names import plugin_handler

ORGANISM: tuple[KeyPath, ...] = (("llm", "backends"),)
LISTENER = ("model", "max_turns")
WORDS = "comes with a later version"


def not_yet(document: Document) -> Iterator[Finding]:
    """Yield each setting that differs from its default and would have no effect."""
    for path in ORGANISM:
        default = reduce(getattr, map(str, path), OrganismConfig())
        if _is_set(value_at(document.data, path), default):
            yield Finding(path, WORDS, at_key=True)
    for at, said in document.listeners():
        yield from _not_yet_of_a_listener(document, at, said)


def _not_yet_of_a_listener(
    document: Document, at: KeyPath, said: dict[str, Any]
) -> Iterator[Finding]:
    name = said.get("name", "the listener")
    for key in LISTENER:
        if _is_set(said.get(key), ListenerConfig.model_fields[key].get_default()):
            yield Finding((*at, key), f"{WORDS}: {name} works without it", at_key=True)
    if said.get("agent") is True and "handler" not in said:
        yield Finding(at, f"{name} needs a `handler`: models that handle come later")
    for path, handler in document.texts(*at, "handler"):
        if plugin_handler(handler):
            yield Finding(path, f"{handler}: built-in tools come with a later version")


def _is_set(value: object, default: object) -> bool:
    """Tell whether a value is written, as plain data, and means something."""
    return value is not None and value not in (default, [])
