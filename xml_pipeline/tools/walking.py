"""Walks over the files of a workspace: what people look at, in the order of names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from xml_pipeline.tools.base import ToolFailed
from xml_pipeline.tools.beneath import Beneath, Parts

MADE_BY_MACHINES = frozenset({"node_modules", "dist", "build", "target", "__pycache__"})
"""Folders whose files nobody wrote."""

MOST_ENTRIES = 20_000
DEEPEST = 20


class Found(NamedTuple):
    """A file or folder that was come across."""

    parts: Parts
    is_folder: bool


def walk(files: Beneath, start: Parts, most: int = MOST_ENTRIES) -> Iterator[Found]:
    """Yield what lies in a folder and below it, folders before files, up to ``most``.

    Hidden ones, links, and folders that machines fill are passed over.
    """
    waiting = [Found(start, True)]
    count = 0
    while waiting and count <= most:
        at = waiting.pop()
        if at.parts != start:
            count += 1
            yield at
        if at.is_folder and len(at.parts) - len(start) < DEEPEST:
            waiting += reversed(_within(files, at.parts, is_start=at.parts == start))


def _within(files: Beneath, at: Parts, *, is_start: bool) -> list[Found]:
    try:
        entries = files.entries(at)
    except ToolFailed:
        if is_start:
            raise
        return []  # It is gone by now, or may not be opened.
    found = [
        Found((*at, name), is_folder)
        for name, is_folder in entries
        if not name.startswith(".") and not (is_folder and name in MADE_BY_MACHINES)
    ]
    return sorted(found, key=lambda each: (not each.is_folder, each.parts))
