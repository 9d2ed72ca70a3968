"""``tools:grep``: lines of files of the workspace, by a regular expression.

ripgrep looks through files that were opened here, below the workspace, so it is never led out of
it. Its expressions take time in proportion to what they look through, whatever they are.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from typing import Annotated

from annotated_types import MaxLen, MinLen

from xml_pipeline.builtin import Built, Plan
from xml_pipeline.errors import ConfigError
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.payload import xmlify
from xml_pipeline.payload.text import carried
from xml_pipeline.tools.base import ToolFailed, built, without_settings
from xml_pipeline.tools.beneath import Parts, parts_of, shown
from xml_pipeline.tools.content import FilePath, Told
from xml_pipeline.tools.patterns import alternatives, fits_name, fits_path
from xml_pipeline.tools.walking import walk
from xml_pipeline.tools.workspace import Workspace, workspaces_of

MOST = 100
SECONDS = 20.0
_LONGEST_LINE = 500
_AT_A_TIME = 200


@xmlify
@dataclass(frozen=True, slots=True)
class SearchFiles:
    """A regular expression to look for, below ``path``, in files that fit ``include``.

    With ``literal`` it is a text.
    """

    pattern: Annotated[str, MinLen(1), MaxLen(1000)]
    path: FilePath = "."
    include: Annotated[str, MaxLen(500)] = ""
    literal: bool = False


@xmlify
@dataclass(frozen=True, slots=True)
class LinesFound:
    """The lines that match, each with its file and number."""

    text: Told


@dataclass(frozen=True, slots=True)
class Search:
    """Looks through files with the ripgrep that lies at ``program``."""

    program: str

    def __call__(self, space: Workspace, wanted: SearchFiles) -> LinesFound:
        """Return the lines that match; ToolFailed where the pattern is none."""
        waiting, lines = iter(_candidates(space, wanted)), list[str]()
        while len(lines) <= MOST and (some := list(islice(waiting, _AT_A_TIME))):
            lines += self._lines(space, wanted, some)
        text = "\n".join(lines[:MOST])
        if len(lines) > MOST:
            text += f"\n(more than {MOST}: say more of what is looked for)"
        return LinesFound(text or "(no line matches)")

    def _lines(self, space: Workspace, wanted: SearchFiles, some: Sequence[Parts]) -> Iterator[str]:
        with ExitStack() as opened:
            paths = dict[str, Parts]()
            for parts in some:
                try:
                    file = opened.enter_context(space.files.file(parts))
                except ToolFailed:  # It is gone by now, or may not be read.
                    continue
                paths[f"/dev/fd/{file}"] = parts
            numbers = [int(each.rpartition("/")[2]) for each in paths]
            found = self._run(wanted, list(paths), numbers)
        for line in found.splitlines():
            message = json.loads(line)
            if message["type"] == "match":
                yield _told(message["data"], paths)

    def _run(self, wanted: SearchFiles, paths: list[str], numbers: list[int]) -> bytes:
        options = ["--json", "--no-config", f"--max-count={MOST + 1}", "--threads=1"]
        if wanted.literal:
            options.append("--fixed-strings")
        command = [self.program, *options, "--regexp", wanted.pattern, "--", *paths]
        with Popen(  # noqa: S603  # the program is ours, and its arguments are no shell's
            command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, pass_fds=numbers, env={}
        ) as process:
            try:
                out, err = process.communicate(timeout=SECONDS)
            except TimeoutExpired:
                process.kill()
                raise ToolFailed(f"that took longer than {SECONDS:g} seconds") from None
        if process.returncode == 2 and not out:
            raise ToolFailed(f"this cannot be looked for: {err.decode(errors='replace').strip()}")
        return out


def _candidates(space: Workspace, wanted: SearchFiles) -> Iterator[Parts]:
    """Yield the files that are looked through."""
    start = parts_of(wanted.path)
    about = space.files.status(start)
    if about is not None and about.st_mode & 0o170000 == 0o100000:
        yield start
        return
    patterns = [each.split("/") for each in alternatives(wanted.include)] if wanted.include else []
    for each in walk(space.files, start):
        if not each.is_folder and _is_included(each.parts[len(start) :], patterns):
            yield each.parts


def _is_included(parts: Parts, patterns: list[list[str]]) -> bool:
    return not patterns or any(
        fits_name(parts[-1], each[0]) if len(each) == 1 else fits_path(parts, each)
        for each in patterns
    )


def _told(match: dict[str, dict[str, str]], paths: dict[str, Parts]) -> str:
    line = match["lines"].get("text", "(no text)").rstrip("\r\n")
    line = line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…"
    return carried(f"{shown(paths[match['path']['text']])}:{match['line_number']}: {line}")


def _program() -> str:
    """Return where ripgrep is: that of the extra ``tools``, or else the machine's."""
    ours = os.path.join(sysconfig.get_path("scripts"), "rg")
    found = ours if os.access(ours, os.X_OK) else shutil.which("rg")
    if found is None:
        raise ConfigError(('needs ripgrep: python -m pip install "xml-pipeline[tools]"',))
    return found


def configured(plan: Plan) -> Built:
    """Build the tool."""
    without_settings(plan)
    spaces, search = workspaces_of(plan.organism), Search(_program())

    async def run(wanted: SearchFiles, metadata: HandlerMetadata) -> LinesFound:
        return await asyncio.to_thread(lambda: search(spaces.of(metadata), wanted))

    return built(plan, SearchFiles, LinesFound, run)
