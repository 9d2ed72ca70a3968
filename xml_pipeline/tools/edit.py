"""``tools:edit``: one place of a file, by what stands there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from annotated_types import MaxLen, MinLen

from xml_pipeline.builtin import Built, Plan
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.payload import xmlify
from xml_pipeline.tools.base import ToolFailed, built, without_settings
from xml_pipeline.tools.beneath import parts_of, shown
from xml_pipeline.tools.content import (
    MOST_BYTES,
    Content,
    FilePath,
    Told,
    as_text,
    lines_of,
    numbered,
)
from xml_pipeline.tools.guard import check_seen, saw
from xml_pipeline.tools.workspace import Workspace, workspaces_of

AROUND = 2
"""Lines before and after a change that are told."""


@xmlify
@dataclass(frozen=True, slots=True)
class EditFile:
    """A change of a file: ``old_string`` stands in it exactly once, ``new_string`` comes there."""

    file_path: FilePath
    old_string: Annotated[str, MinLen(1), MaxLen(400_000)]
    new_string: Content


@xmlify
@dataclass(frozen=True, slots=True)
class FileEdited:
    """The changed lines, with two before and after them."""

    text: Told


def edit_file(space: Workspace, wanted: EditFile) -> FileEdited:
    """Change a file, and return what it looks like there."""
    parts = parts_of(wanted.file_path)
    if wanted.old_string == wanted.new_string:
        raise ToolFailed("old_string and new_string are the same: nothing would change")
    if check_seen(space, parts) is None:
        raise ToolFailed(f"there is no {shown(parts)}")
    text = as_text(space.files.read(parts, MOST_BYTES)[0], parts)
    count = text.count(wanted.old_string)
    if count != 1:
        why = "does not stand in it" if count == 0 else f"stands in it {count} times: say more"
        raise ToolFailed(f"{shown(parts)}: old_string {why}")
    at = text.index(wanted.old_string)
    after = text[:at] + wanted.new_string + text[at + len(wanted.old_string) :]
    saw(space.notes, parts, space.files.write(parts, after.encode()))
    return FileEdited(f"{shown(parts)} was changed:\n{_around(after, at, len(wanted.new_string))}")


def _around(text: str, at: int, length: int) -> str:
    first = max(0, text.count("\n", 0, at) - AROUND)
    last = text.count("\n", 0, at + length) + 1 + AROUND
    return numbered(lines_of(text)[first:last], first + 1)


def configured(plan: Plan) -> Built:
    """Build the tool."""
    without_settings(plan)
    spaces = workspaces_of(plan.organism)

    async def run(wanted: EditFile, metadata: HandlerMetadata) -> FileEdited:
        return await asyncio.to_thread(lambda: edit_file(spaces.of(metadata), wanted))

    return built(plan, EditFile, FileEdited, run)
