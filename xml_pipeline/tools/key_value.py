"""``tools:key_value``: what a user's agents remember by name, in all conversations, for a time."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Gt, Le, MaxLen, MinLen

from xml_pipeline.builtin import Built, Plan
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.payload import xmlify
from xml_pipeline.tools.base import ToolFailed, built, without_settings
from xml_pipeline.tools.workspace import Notes, workspaces_of

MOST_KEYS = 1000
_TEN_YEARS = 10 * 365 * 86_400


@xmlify
@dataclass(frozen=True, slots=True)
class KeyValue:
    """Something to ``get``, ``set`` or ``delete`` by its key, or all keys to ``list``.

    ``ttl`` is for how many seconds a value is kept; without it, until it is deleted.
    """

    action: Literal["get", "set", "delete", "list"]
    key: Annotated[str, MaxLen(500)] = ""
    value: Annotated[str, MaxLen(100_000)] = ""
    ttl: Annotated[float, Gt(0), Le(_TEN_YEARS)] | None = None
    namespace: Annotated[str, MinLen(1), MaxLen(100)] = "default"


@xmlify
@dataclass(frozen=True, slots=True)
class KeyValueDone:
    """The value, the keys, or what was done."""

    text: Annotated[str, MaxLen(600_000)]


def do(notes: Notes, wanted: KeyValue, now: float) -> str:
    """Do what is wanted, at a time in seconds since 1970; return what there is to tell."""
    if wanted.action == "list":
        return "\n".join(sorted(_keys(notes, now))) or "(no keys)"
    if not wanted.key:
        raise ToolFailed(f"{wanted.action} needs a key")
    if wanted.action == "set":
        return _set(notes, wanted, now)
    found = _alive(notes, notes.get(f"key {wanted.key}"), now)
    if found is None:
        raise ToolFailed(f"there is no value for {wanted.key}")
    if wanted.action == "get":
        return str(found["value"])
    notes.drop(f"key {wanted.key}")
    return f"{wanted.key} was deleted"


def _set(notes: Notes, wanted: KeyValue, now: float) -> str:
    if notes.get(f"key {wanted.key}") is None and len(list(_keys(notes, now))) >= MOST_KEYS:
        raise ToolFailed(f"there are {MOST_KEYS} keys already: delete some")
    expires = None if wanted.ttl is None else now + wanted.ttl
    kept = {"key": wanted.key, "value": wanted.value, "expires": expires}
    notes.put(f"key {wanted.key}", json.dumps(kept))
    return f"{wanted.key} was set"


def _keys(notes: Notes, now: float) -> Iterator[str]:
    for file in notes.names():
        found = _alive(notes, notes.at(file), now)
        if found is not None:
            yield str(found["key"])


def _alive(notes: Notes, note: str | None, now: float) -> dict[str, object] | None:
    """Return what a note keeps; what has expired goes."""
    if note is None:
        return None
    kept: dict[str, object] = json.loads(note)
    expires = kept["expires"]
    if isinstance(expires, int | float) and expires <= now:
        notes.drop(f"key {kept['key']}")
        return None
    return kept


def configured(plan: Plan) -> Built:
    """Build the tool."""
    without_settings(plan)
    spaces = workspaces_of(plan.organism)

    async def run(wanted: KeyValue, metadata: HandlerMetadata) -> KeyValueDone:
        notes = spaces.kept(metadata, wanted.namespace)
        return KeyValueDone(await asyncio.to_thread(do, notes, wanted, time.time()))

    return built(plan, KeyValue, KeyValueDone, run)
