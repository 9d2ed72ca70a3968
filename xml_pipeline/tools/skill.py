"""``tools:skill``: instructions for a kind of work, which the operator has written down.

Each skill is a folder with a file SKILL.md, in one of the folders that the organism's file names:
looked for beside that file, then in each folder above it up to the root of its git repository, and
last where the user keeps skills for all projects.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import Field

from xml_pipeline.builtin import Built, Plan
from xml_pipeline.config import Section, settings_of
from xml_pipeline.config.values import AList, NotBlank
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.payload import xmlify
from xml_pipeline.payload.text import carried
from xml_pipeline.places import config_directory, upwards
from xml_pipeline.tools.base import ToolFailed, built
from xml_pipeline.tools.beneath import Beneath

FILE = "SKILL.md"
MOST_BYTES = 100_000


class SkillSettings(Section):
    """Where skills lie."""

    folders: Annotated[tuple[NotBlank, ...], AList] = Field(
        default=(".claude/skills", ".opencode/skills", "skills"),
        description="Folders of skills, as seen from the organism's file and each folder above it,"
        " up to the root of its git repository; the first counts most.",
    )


@xmlify
@dataclass(frozen=True, slots=True)
class LoadSkill:
    """A skill to read, by its name."""

    name: Annotated[str, MinLen(1), MaxLen(100)]


@xmlify
@dataclass(frozen=True, slots=True)
class SkillLoaded:
    """What a skill says, and the files that lie beside it."""

    text: Annotated[str, MaxLen(120_000)]


def load(folders: Sequence[Beneath], name: str) -> str:
    """Return a skill; ToolFailed names those that there are where there is no such."""
    if "/" in name or "\\" in name or name.startswith("."):
        raise ToolFailed("the name of a skill is the name of its folder, and no path")
    for folder in folders:
        if name in _names(folder):
            text = folder.read((name, FILE), MOST_BYTES)[0].decode(errors="replace")
            files = [each for each, _ in folder.entries((name,)) if each != FILE]
            beside = f"\n\nBeside it lie: {', '.join(files[:50])}" if files else ""
            return carried(text + beside)
    known = sorted({each for folder in folders for each in _names(folder)})
    raise ToolFailed(f"there is no skill {name}; there are: {', '.join(known) or 'none'}")


def _names(folder: Beneath) -> Iterator[str]:
    try:
        entries = folder.entries(())
    except ToolFailed:  # There is no such folder, or not yet.
        return
    for name, is_folder in entries:
        if is_folder and folder.status((name, FILE)) is not None:
            yield name


def configured(plan: Plan) -> Built:
    """Build the tool."""
    settings = settings_of(SkillSettings, plan.listener.tool)
    above = upwards(plan.folder.absolute())
    near = [each / name for each in above for name in settings.folders]
    folders = [Beneath(str(each)) for each in (*near, config_directory() / "skills")]

    async def run(wanted: LoadSkill, _: HandlerMetadata) -> SkillLoaded:
        return SkillLoaded(await asyncio.to_thread(load, folders, wanted.name))

    return built(plan, LoadSkill, SkillLoaded, run)
