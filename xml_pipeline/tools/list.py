"""``tools:list``: what lies in a folder of the workspace, as a tree."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from annotated_types import MaxLen

from xml_pipeline.builtin import Built, Plan
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.payload import xmlify
from xml_pipeline.payload.text import carried
from xml_pipeline.tools.base import built, without_settings
from xml_pipeline.tools.beneath import Parts, parts_of, shown
from xml_pipeline.tools.content import FilePath, Told
from xml_pipeline.tools.patterns import fits_name
from xml_pipeline.tools.walking import Found, walk
from xml_pipeline.tools.workspace import Workspace, workspaces_of

MOST = 1000
OBJECT_FILES = ("*.o", "*.obj", "*.a", "*.so", "*.pyc", "*.class")


@xmlify
@dataclass(frozen=True, slots=True)
class ListFiles:
    """A folder to list; names that fit one of ``ignore`` are left out, with what is below them."""

    path: FilePath = "."
    ignore: Annotated[tuple[str, ...], MaxLen(50)] = ()


@xmlify
@dataclass(frozen=True, slots=True)
class FilesListed:
    """Folders, which end with ``/``, and files, each indented below its folder."""

    text: Told


def list_files(space: Workspace, wanted: ListFiles) -> FilesListed:
    """Return the tree below a folder: folders first, hidden ones left out."""
    start = parts_of(wanted.path)
    ignored = (*OBJECT_FILES, *wanted.ignore)
    found = [
        each
        for each in walk(space.files, start)
        if not any(fits_name(part, one) for part in each.parts[len(start) :] for one in ignored)
    ]
    lines = [f"{carried(shown(start))}/", *(_line(each, start) for each in found[:MOST])]
    if len(found) > MOST:
        lines.append(f"({len(found) - MOST} more: list a folder of these)")
    return FilesListed("\n".join(lines))


def _line(found: Found, start: Parts) -> str:
    indent = "  " * (len(found.parts) - len(start))
    return f"{indent}{carried(found.parts[-1])}{'/' * found.is_folder}"


def configured(plan: Plan) -> Built:
    """Build the tool."""
    without_settings(plan)
    spaces = workspaces_of(plan.organism)

    async def run(wanted: ListFiles, metadata: HandlerMetadata) -> FilesListed:
        return await asyncio.to_thread(lambda: list_files(spaces.of(metadata), wanted))

    return built(plan, ListFiles, FilesListed, run)
