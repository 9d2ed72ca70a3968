"""``tools:bash``: commands of a shell in the workspace, enclosed.

Off unless it can be enclosed: where this machine offers neither bubblewrap nor Landlock the tool
is refused, and only ``sandbox: none`` allows commands to do what this process may.
"""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le, MaxLen, MinLen

from xml_pipeline.builtin import Built, Plan
from xml_pipeline.config import settings_of
from xml_pipeline.errors import ConfigError
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.payload import xmlify
from xml_pipeline.payload.text import carried
from xml_pipeline.tools.base import ToolFailed, built
from xml_pipeline.tools.beneath import shown
from xml_pipeline.tools.sandbox.command import Enclosure
from xml_pipeline.tools.sandbox.offered import Offered, kind_of, offered
from xml_pipeline.tools.sandbox.running import ASIDE, Ran, run
from xml_pipeline.tools.sandbox.settings import SandboxSettings
from xml_pipeline.tools.workspace import Workspace, workspaces_of

_SHELL = "/bin/bash"
_FOLDER = "shell-folder"
_SCRIPT = 'trap "pwd -P >&$4" EXIT; cd -- "$1" 2>/dev/null || cd "$2"; eval "$3"'
_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


@xmlify
@dataclass(frozen=True, slots=True)
class RunCommand:
    """A command of a shell. The folder it ends in is where the next one begins.

    ``timeout`` is in milliseconds.
    """

    command: Annotated[str, MinLen(1), MaxLen(60_000)]
    timeout: Annotated[int, Ge(1), Le(600_000)] = 120_000


@xmlify
@dataclass(frozen=True, slots=True)
class CommandRan:
    """What a command has written, which has ended well."""

    text: Annotated[str, MaxLen(100_000)]


@dataclass(frozen=True, slots=True)
class Bash:
    """Runs commands in an enclosure."""

    enclosure: Enclosure

    async def __call__(self, space: Workspace, wanted: RunCommand) -> CommandRan:
        """Run a command; ToolFailed with what it has written where it has not ended well."""
        place = self.enclosure.place(space.folder)
        at = os.path.join(place, space.notes.get(_FOLDER) or ".")
        shell = [_SHELL, "--noprofile", "--norc", "-c", _SCRIPT, "bash"]
        argv = [*shell, at, place, wanted.command, ASIDE]
        ran = await run(self.enclosure, argv, space.folder, wanted.timeout / 1000)
        _note_folder(space, place, ran)
        text = carried(_ANSI.sub("", ran.output)).rstrip()
        if ran.why:
            raise ToolFailed(f"{text}\n(ended: {ran.why})".lstrip())
        if ran.code:
            raise ToolFailed(f"{text}\n(exit code: {ran.code})".lstrip())
        return CommandRan(text or "(no output)")


def _note_folder(space: Workspace, place: str, ran: Ran) -> None:
    """Note where a command has ended, unless that is outside."""
    folder = ran.aside.rstrip("\n")
    if folder == place or folder.startswith(f"{place}/"):
        space.notes.put(_FOLDER, shown(tuple(filter(None, folder[len(place) :].split("/")))))


def enclosure(settings: SandboxSettings, found: Offered) -> Enclosure:
    """Return how commands are enclosed; ConfigError where they cannot be as they should."""
    kind = kind_of(settings.sandbox, found)
    if kind is None:
        raise ConfigError(
            (
                f"`tool.sandbox`: this machine cannot enclose commands ({found.reasons}); only"
                " `tool: {sandbox: none}` allows them to do whatever this process may",
            )
        )
    return Enclosure(kind, settings, found)


def configured(plan: Plan) -> Built:
    """Build the tool."""
    settings = settings_of(SandboxSettings, plan.listener.tool)
    spaces, bash = workspaces_of(plan.organism), Bash(enclosure(settings, offered()))

    async def run_command(wanted: RunCommand, metadata: HandlerMetadata) -> CommandRan:
        space = await asyncio.to_thread(spaces.of, metadata)
        return await bash(space, wanted)

    return built(plan, RunCommand, CommandRan, run_command, timeout=630.0)
