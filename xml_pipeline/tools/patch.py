"""``tools:patch``: many places of many files, as a unified diff; all of it, or nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from annotated_types import MaxLen, MinLen
from unidiff.errors import UnidiffParseError
from unidiff.patch import Hunk, PatchedFile, PatchSet

from xml_pipeline.builtin import Built, Plan
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.payload import xmlify
from xml_pipeline.tools.base import ToolFailed, built, without_settings
from xml_pipeline.tools.beneath import Parts, parts_of, shown
from xml_pipeline.tools.content import MOST_BYTES, as_text
from xml_pipeline.tools.guard import check_seen, saw
from xml_pipeline.tools.hunks import Change, HunkLine, applied
from xml_pipeline.tools.workspace import Workspace, workspaces_of

_HUNK = re.compile(r"^@@(?: -(\d+)(?:,\d+)? \+\d+(?:,\d+)?)? ?@*")
_NOWHERE = "/dev/null"
_NO_END = "\\"


@xmlify
@dataclass(frozen=True, slots=True)
class PatchFiles:
    """A unified diff. ``/dev/null`` as the old file makes one, as the new file removes one."""

    patch_text: Annotated[str, MinLen(1), MaxLen(400_000)]


@xmlify
@dataclass(frozen=True, slots=True)
class FilesPatched:
    """What became of each file, with the lines that came and went."""

    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one file becomes: ``data`` is None where it goes."""

    parts: Parts
    data: bytes | None
    done: str


def patch_files(space: Workspace, wanted: PatchFiles) -> FilesPatched:
    """Change all files that a diff names, once it is known that each change fits."""
    try:
        patch = PatchSet.from_string(_recounted(wanted.patch_text))
    except UnidiffParseError as error:
        raise ToolFailed(f"this is no unified diff: {error}") from None
    if not patch:
        raise ToolFailed("this is no unified diff: it names no file (--- a/file, +++ b/file)")
    outcomes = [_outcome(space, each) for each in patch]
    if len({each.parts for each in outcomes}) < len(outcomes):
        raise ToolFailed("a file is named twice: put its hunks together")
    for each in outcomes:
        if each.data is None:
            space.files.remove(each.parts)
        else:
            saw(space.notes, each.parts, space.files.write(each.parts, each.data))
    return FilesPatched("\n".join(each.done for each in outcomes))


def _outcome(space: Workspace, file: PatchedFile) -> Outcome:
    source, target = _named(file.source_file, "a/"), _named(file.target_file, "b/")
    parts = parts_of(source or target or "")
    if source and target and parts_of(target) != parts:
        raise ToolFailed(f"{source} would become {target}: a patch moves no files")
    about = check_seen(space, parts)
    if (about is None) != (source is None):
        there = "is not there" if about is None else "is there already"
        raise ToolFailed(f"{shown(parts)} {there}")
    lines, ends = _lines(space, parts) if about is not None else ([], True)
    try:
        after = applied(lines, [_change(each) for each in file])
    except ToolFailed as error:
        raise ToolFailed(f"{shown(parts)}: {error}") from None
    told = f"{shown(parts)}: +{file.added} -{file.removed}"
    if target is None:
        if after:
            raise ToolFailed(f"{shown(parts)} would not be empty, so it is not removed")
        return Outcome(parts, None, f"{told}, removed")
    ends = _ends(file, ends)
    text = "\n".join(after) + ("\n" if ends and after else "")
    return Outcome(parts, text.encode(), f"{told}{', made' if source is None else ''}")


def _lines(space: Workspace, parts: Parts) -> tuple[list[str], bool]:
    """Return the lines of a file, and whether the last one has an end."""
    text = as_text(space.files.read(parts, MOST_BYTES)[0], parts)
    lines = text.split("\n")
    ends = lines[-1] == ""
    return (lines[:-1] if ends else lines), ends


def _change(hunk: Hunk) -> Change:
    lines = (
        HunkLine(each.line_type, each.value.removesuffix("\n"))
        for each in hunk
        if each.line_type in " +-"
    )
    return Change(max(0, hunk.source_start - 1), tuple(lines))


def _ends(file: PatchedFile, ends: bool) -> bool:
    """Tell whether the last line has an end, as the last hunk says, or else as it was."""
    [*lines] = file[-1] if file else []
    if lines and lines[-1].line_type == _NO_END:
        return lines[-2].line_type == "-"
    return ends or any(each.line_type == _NO_END for each in lines)


def _named(path: str, prefix: str) -> str | None:
    name = path.partition("\t")[0].strip()
    return None if name == _NOWHERE else name.removeprefix(prefix)


def _recounted(text: str) -> str:
    """Return a diff whose hunks say how many lines they have: models count badly."""
    return "\n".join(_recounted_lines(text.replace("\r\n", "\n").split("\n")))


def _recounted_lines(lines: list[str]) -> Iterator[str]:
    at = 0
    while at < len(lines):
        header = _HUNK.match(lines[at])
        at += 1
        if header is None:
            yield lines[at - 1]
            continue
        body = list[str]()
        while at < len(lines) and _is_of_hunk(lines, at):
            body.append(lines[at] or " ")
            at += 1
        before = sum(each[0] in " -" for each in body)
        after = sum(each[0] in " +" for each in body)
        yield f"@@ -{header[1] or 1},{before} +{header[1] or 1},{after} @@"
        yield from body


def _is_of_hunk(lines: list[str], at: int) -> bool:
    """Tell whether a line belongs to the hunk above it; an empty one does unless all ends."""
    line = lines[at]
    if line.startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ "):
        return False
    if line:
        return line[0] in " +-\\"
    following = next((each for each in lines[at:] if each), "")
    return bool(following) and following[0] in " +-" and not following.startswith("--- ")


def configured(plan: Plan) -> Built:
    """Build the tool."""
    without_settings(plan)
    spaces = workspaces_of(plan.organism)

    async def run(wanted: PatchFiles, metadata: HandlerMetadata) -> FilesPatched:
        return await asyncio.to_thread(lambda: patch_files(spaces.of(metadata), wanted))

    return built(plan, PatchFiles, FilesPatched, run)
