"""``tools:glob``: files of the workspace by a pattern of their paths."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from annotated_types import MaxLen, MinLen

from xml_pipeline.builtin import Built, Plan
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.payload import xmlify
from xml_pipeline.payload.text import carried
from xml_pipeline.tools.base import built, without_settings
from xml_pipeline.tools.beneath import parts_of, shown
from xml_pipeline.tools.content import FilePath, Told
from xml_pipeline.tools.patterns import LONGEST, alternatives, fits_path
from xml_pipeline.tools.walking import walk
from xml_pipeline.tools.workspace import Workspace, workspaces_of

MOST = 100


@xmlify
@dataclass(frozen=True, slots=True)
class FindFiles:
    """A pattern of paths below ``path``, such as ``**/*.py`` or ``src/*.{c,h}``."""

    pattern: Annotated[str, MinLen(1), MaxLen(LONGEST)]
    path: FilePath = "."


@xmlify
@dataclass(frozen=True, slots=True)
class FilesFound:
    """The paths that fit, the shortest first."""

    text: Told


def find_files(space: Workspace, wanted: FindFiles) -> FilesFound:
    """Return the files whose paths below a folder fit a pattern, hidden ones left out."""
    start = parts_of(wanted.path)
    patterns = [parts_of(each) for each in alternatives(wanted.pattern)]
    found = [
        shown(each.parts)
        for each in walk(space.files, start)
        if not each.is_folder
        and any(fits_path(each.parts[len(start) :], pattern) for pattern in patterns)
    ]
    found.sort(key=lambda each: (len(each), each))
    text = "\n".join(map(carried, found[:MOST]))
    if len(found) > MOST:
        text += f"\n({len(found) - MOST} more: say more of them)"
    return FilesFound(text or "(no file fits)")


def configured(plan: Plan) -> Built:
    """Build the tool."""
    without_settings(plan)
    spaces = workspaces_of(plan.organism)

    async def run(wanted: FindFiles, metadata: HandlerMetadata) -> FilesFound:
        return await asyncio.to_thread(lambda: find_files(spaces.of(metadata), wanted))

    return built(plan, FindFiles, FilesFound, run)
