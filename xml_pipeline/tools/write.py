"""``tools:write``: a file of the workspace, as a whole."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from xml_pipeline.builtin import Built, Plan
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.payload import xmlify
from xml_pipeline.tools.base import built, without_settings
from xml_pipeline.tools.beneath import parts_of, shown
from xml_pipeline.tools.content import Content, FilePath
from xml_pipeline.tools.guard import check_seen, saw
from xml_pipeline.tools.workspace import Workspace, workspaces_of


@xmlify
@dataclass(frozen=True, slots=True)
class WriteFile:
    """A file to write, with all that is to be in it. One that is there must have been read."""

    file_path: FilePath
    content: Content


@xmlify
@dataclass(frozen=True, slots=True)
class FileWritten:
    """What became of a file: made, changed, or the same as before."""

    text: str


def write_file(space: Workspace, wanted: WriteFile) -> FileWritten:
    """Write a file, with the folders above it."""
    parts, data = parts_of(wanted.file_path), wanted.content.encode()
    about = check_seen(space, parts)
    is_as_long = about is not None and about.st_size == len(data)
    if is_as_long and space.files.read(parts, len(data))[0] == data:
        return FileWritten(f"{shown(parts)} is unchanged: that is what was in it")
    saw(space.notes, parts, space.files.write(parts, data))
    done = "made" if about is None else "changed"
    return FileWritten(f"{shown(parts)} was {done}: {len(data)} bytes")


def configured(plan: Plan) -> Built:
    """Build the tool."""
    without_settings(plan)
    spaces = workspaces_of(plan.organism)

    async def run(wanted: WriteFile, metadata: HandlerMetadata) -> FileWritten:
        return await asyncio.to_thread(lambda: write_file(spaces.of(metadata), wanted))

    return built(plan, WriteFile, FileWritten, run)
