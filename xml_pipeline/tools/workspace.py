"""Workspaces: whose folder a tool works in, and what it remembers beside it.

Below the organism's ``workspace.root`` each tenant, user and conversation has a place of its own::

    t-TENANT/u-USER/c-CONVERSATION/files          what tools see, as /workspace
                                  /notes/THREAD   what they remember for one requester
    t-TENANT/u-USER/kept                          what they keep for a user, all conversations over

With ``workspace.per: user`` or ``tenant`` the files lie one or two folders higher. Notes are files
and no state of a thread, because a tool's thread ends with its answer; they outlive the process
all the same.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from xml_pipeline.config import OrganismConfig
from xml_pipeline.errors import ConfigError
from xml_pipeline.sandbox import Whose
from xml_pipeline.tools.beneath import Beneath, Parts

Per = Literal["conversation", "user", "tenant"]
_LONGEST_NAME = 150
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder that one requester's tools work in, and what they remember."""

    folder: str
    files: Beneath
    notes: Notes


class Notes:
    """Short texts by name, each written as a whole."""

    def __init__(self, root: str, place: Parts) -> None:
        self._beneath = Beneath(root)
        self._place = place

    def get(self, name: str) -> str | None:
        """Return a note, None where there is none."""
        parts = (*self._place, _file_of(name))
        if self._beneath.status(parts) is None:
            return None
        return self._beneath.read(parts, 1 << 20)[0].decode()

    def put(self, name: str, text: str) -> None:
        """Write a note in place of the one that was there."""
        self._beneath.write((*self._place, _file_of(name)), text.encode())

    def drop(self, name: str) -> bool:
        """Remove a note; tell whether there was one."""
        parts = (*self._place, _file_of(name))
        if self._beneath.status(parts) is None:
            return False
        self._beneath.remove(parts)
        return True

    def names(self) -> list[str]:
        """Return the files that the notes are in."""
        if self._beneath.status(self._place) is None:
            return []
        return [name for name, is_folder in self._beneath.entries(self._place) if not is_folder]

    def at(self, file: str) -> str:
        """Return the note that is in a file."""
        return self._beneath.read((*self._place, file), 1 << 20)[0].decode()


@dataclass(frozen=True, slots=True)
class Workspaces:
    """Where the workspaces of an organism are."""

    root: str
    template: str | None
    per: Per

    def of(self, metadata: Whose) -> Workspace:
        """Return the workspace that a message is for, made where it is not there yet."""
        tenant, user = _name("t", metadata.tenant), _name("u", metadata.principal)
        conversation = _name("c", metadata.conversation_id)
        place = {
            "conversation": (tenant, user, conversation),
            "user": (tenant, user),
            "tenant": (tenant,),
        }[self.per]
        folder = os.path.join(self.root, *place, "files")
        if not os.path.isdir(folder):
            self._make(folder)
        notes = (tenant, user, conversation, "notes", _name("r", metadata.requester))
        return Workspace(folder, Beneath(folder), Notes(self.root, notes))

    def kept(self, metadata: Whose, place: str) -> Notes:
        """Return what is kept for a user in all conversations, in a place of that name."""
        tenant, user = _name("t", metadata.tenant), _name("u", metadata.principal)
        return Notes(self._made(), (tenant, user, "kept", _name("p", place)))

    def _made(self) -> str:
        os.makedirs(self.root, mode=0o700, exist_ok=True)
        return self.root

    def _make(self, folder: str) -> None:
        """Make a workspace: whole, or not at all, even if two do so at a time."""
        self._made()
        os.makedirs(os.path.dirname(folder), mode=0o700, exist_ok=True)
        draft = f"{folder}.{os.urandom(8).hex()}"
        if self.template is None:
            os.mkdir(draft, 0o755)
        else:
            shutil.copytree(self.template, draft, symlinks=True)
        try:
            os.rename(draft, folder)
        except OSError:
            shutil.rmtree(draft)
            if not os.path.isdir(folder):
                raise


def workspaces_of(organism: OrganismConfig) -> Workspaces:
    """Return where an organism's workspaces are; ConfigError where its file does not say so."""
    config = organism.workspace
    if config.root is None:
        raise ConfigError(("needs `workspace.root`, a folder in which tools have their files",))
    if config.template is not None and not os.path.isdir(config.template):
        raise ConfigError((f"`workspace.template`: {config.template} is no folder",))
    return Workspaces(str(Path(config.root).absolute()), config.template, config.per)


def _name(kind: str, text: str) -> str:
    """Return a file name that no other text has, whatever is in it."""
    plain = quote(text, safe="")
    if len(plain) > _LONGEST_NAME:
        plain = f"{plain[:100]}~{sha256(text.encode()).hexdigest()[:40]}"
    return f"{kind}-{plain}"


def _file_of(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else sha256(name.encode()).hexdigest()
