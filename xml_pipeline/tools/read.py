"""``tools:read``: a file of the workspace, or a part of it, with the numbers of its lines."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

from xml_pipeline.builtin import Built, Plan
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.names import most_like
from xml_pipeline.payload import xmlify
from xml_pipeline.tools.base import ToolFailed, built, without_settings
from xml_pipeline.tools.beneath import Beneath, Parts, parts_of, shown
from xml_pipeline.tools.content import MOST_BYTES, FilePath, Told, is_binary, lines_of, numbered
from xml_pipeline.tools.guard import saw
from xml_pipeline.tools.workspace import Workspace, workspaces_of

LONGEST_LINE = 2000
_FARTHEST = 3  # letters by which a name may differ from the nearest one


@xmlify
@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file to read: at most ``limit`` lines from line ``offset`` on; the first line is 1."""

    file_path: FilePath
    offset: Annotated[int, Ge(1)] = 1
    limit: Annotated[int, Ge(1), Le(2000)] = 2000


@xmlify
@dataclass(frozen=True, slots=True)
class FileRead:
    """What is in a file, each line with its number."""

    text: Told


def read_file(space: Workspace, wanted: ReadFile) -> FileRead:
    """Return the lines of a file, and note that they were seen."""
    parts = parts_of(wanted.file_path)
    _check_is_there(space.files, parts)
    data, about = space.files.read(parts, MOST_BYTES)
    if is_binary(data):
        raise ToolFailed(f"{shown(parts)} is no text: more than 30 % of it are control characters")
    lines = lines_of(data.decode(errors="replace"))
    if wanted.offset > max(1, len(lines)):
        raise ToolFailed(f"{shown(parts)} has {len(lines)} lines, and none at {wanted.offset}")
    saw(space.notes, parts, about)
    part = lines[wanted.offset - 1 : wanted.offset - 1 + wanted.limit]
    text = numbered([_cut(each) for each in part], wanted.offset)
    left = len(lines) - (wanted.offset - 1 + len(part))
    if left > 0:
        text += f"\n({left} more lines; go on with offset {wanted.offset + len(part)})"
    return FileRead(text or "(the file is empty)")


def _cut(line: str) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[:LONGEST_LINE]}… ({len(line) - LONGEST_LINE} characters more)"


def _check_is_there(files: Beneath, parts: Parts) -> None:
    """Say what may have been meant where there is no such file."""
    about = files.status(parts)
    if about is None:
        nearest = _nearest(files, parts)
        hint = f"; did you mean {nearest}?" if nearest else ""
        raise ToolFailed(f"there is no {shown(parts)}{hint}")
    if about.st_mode & 0o170000 == 0o040000:
        raise ToolFailed(f"{shown(parts)} is a folder: list it")


def _nearest(files: Beneath, parts: Parts) -> str | None:
    try:
        names = [name for name, is_folder in files.entries(parts[:-1]) if not is_folder]
    except ToolFailed:
        return None
    nearest = most_like(parts[-1], names)
    return shown((*parts[:-1], nearest)) if nearest else None


def configured(plan: Plan) -> Built:
    """Build the tool."""
    without_settings(plan)
    spaces = workspaces_of(plan.organism)

    async def run(wanted: ReadFile, metadata: HandlerMetadata) -> FileRead:
        return await asyncio.to_thread(lambda: read_file(spaces.of(metadata), wanted))

    return built(plan, ReadFile, FileRead, run)
