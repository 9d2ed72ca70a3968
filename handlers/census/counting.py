"""The counter: sends every file to the reader, and adds up what comes back.

It never waits. All messages leave at once, the pump holds back what the reader has no room
for, and each answer is one more call of ``count`` on the same thread. What it has added up so
far is in ``metadata.state``: flat, because a state is copied with every answer.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import MutableMapping
from typing import Any

from handlers.census.library import part_of, sources
from handlers.census.payloads import (
    Census,
    NothingToCount,
    Part,
    Progress,
    ReadSource,
    Report,
    SourceRead,
    SourceRefused,
)
from xml_pipeline import HandlerMetadata, HandlerResponse, SystemError

State = MutableMapping[str, Any]

ADDED = ("lines", "classes", "functions", "documented")
TOLD, FINISHED = "told", "finished"
"""The keys of what goes to the progress listener. Whatever comes back for the first changes
nothing, and whatever comes back for the second, the report is due."""


async def count(
    payload: Census | SourceRead | SourceRefused | Progress | SystemError,
    metadata: HandlerMetadata,
) -> HandlerResponse | list[HandlerResponse] | None:
    """Begin; take in the answer about a file, whose path is the message's key; end."""
    state, key = metadata.state, str(metadata.in_reply_to)
    if isinstance(payload, Census):
        return await _begin(payload.of, state)
    if key == FINISHED:
        return HandlerResponse.respond(_report(state))
    if key == TOLD:
        return None
    if isinstance(payload, SourceRead):
        _add(payload, key, state)
    else:
        state["refused"] += f"{key}\n"
    return _advance(state)


async def _begin(of: str, state: State) -> list[HandlerResponse] | HandlerResponse:
    paths = await asyncio.to_thread(sources, of)
    if not paths:
        return HandlerResponse.respond(NothingToCount(f"there is no Python source of {of!r}"))
    state.update(of=of, total=len(paths), done=0, longest="", longest_lines=0, refused="")
    return [HandlerResponse(ReadSource(path), to="reader", key=path) for path in paths]


def _add(found: SourceRead, path: str, state: State) -> None:
    part = part_of(path, state["of"])
    for name in ADDED:
        state[f"{part}/{name}"] = state.get(f"{part}/{name}", 0) + getattr(found, name)
    state[f"{part}/modules"] = state.get(f"{part}/modules", 0) + 1
    if found.longest_lines > state["longest_lines"]:
        state.update(longest=f"{found.longest} in {path}", longest_lines=found.longest_lines)


def _advance(state: State) -> HandlerResponse | None:
    """Count one file more; tell of every hundredth part of the way, and of its end."""
    state["done"] = done = state["done"] + 1
    total = state["total"]
    if done * 100 // total == (done - 1) * 100 // total:
        return None
    key = FINISHED if done == total else TOLD
    return HandlerResponse(Progress(done, total), to="progress", key=key)


def _report(state: State) -> Report:
    names = {key.partition("/")[0] for key in state if "/" in key}
    parts = [
        Part(name, *(state[f"{name}/{each}"] for each in ("modules", *ADDED))) for name in names
    ]
    return Report(
        state["of"],
        platform.python_version(),
        tuple(sorted(parts, key=lambda part: (-part.lines, part.name))),
        state["longest"],
        state["longest_lines"],
        tuple(sorted(state["refused"].splitlines())),
    )
