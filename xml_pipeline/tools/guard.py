"""What was read before it is written: nobody overwrites what they have not seen as it is."""

from __future__ import annotations

import os

from xml_pipeline.tools.base import ToolFailed
from xml_pipeline.tools.beneath import Parts, shown
from xml_pipeline.tools.workspace import Notes, Workspace


def saw(notes: Notes, parts: Parts, about: os.stat_result) -> None:
    """Note that a requester has seen a file as it is at present."""
    notes.put(_note(parts), _mark(about))


def check_seen(space: Workspace, parts: Parts) -> os.stat_result | None:
    """Return what is known of a file, None where there is none.

    Raises ToolFailed for one that the requester has not read, or that has changed since.
    """
    about = space.files.status(parts)
    if about is None:
        return None
    mark = space.notes.get(_note(parts))
    if mark is None:
        raise ToolFailed(f"{shown(parts)} is there already: read it before you change it")
    if mark != _mark(about):
        raise ToolFailed(f"{shown(parts)} has changed since you read it: read it again")
    return about


def _note(parts: Parts) -> str:
    return f"seen {shown(parts)}"


def _mark(about: os.stat_result) -> str:
    return f"{about.st_dev} {about.st_ino} {about.st_mtime_ns} {about.st_size}"
