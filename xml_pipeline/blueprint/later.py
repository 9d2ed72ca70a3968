"""What an organism file may say already and this version cannot do yet.

The rule of this file: a setting is honoured or refused, never passed over. Whoever builds a
part takes its keys out of here.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from xml_pipeline.config import KeyPath, OrganismConfig
from xml_pipeline.names import plugin_handler

ORGANISM: tuple[KeyPath, ...] = (
    ("backend", "type"),
    ("llm", "backends"),
)
LISTENER = ("model", "max_turns", "max_deliveries", "retry")
WORDS = "comes with a later version"


def not_yet(config: OrganismConfig) -> Iterator[tuple[KeyPath, str]]:
    """Yield each setting that differs from its default and would have no effect."""
    for path in ORGANISM:
        section: BaseModel = config
        for part in path[:-1]:
            section = getattr(section, str(part))
        if _is_set(section, str(path[-1])):
            yield path, WORDS
    for index, listener in enumerate(config.listeners):
        at = ("listeners", index)
        yield from (
            ((*at, key), f"{WORDS}: {listener.name} works without it")
            for key in LISTENER
            if _is_set(listener, key)
        )
        if listener.handler is None:
            yield at, f"{listener.name} needs a `handler`: models that handle come later"
        elif plugin_handler(listener.handler):
            yield (*at, "handler"), f"{listener.handler}: built-in tools come with a later version"


def _is_set(section: BaseModel, key: str) -> bool:
    return bool(getattr(section, key) != type(section).model_fields[key].get_default())
