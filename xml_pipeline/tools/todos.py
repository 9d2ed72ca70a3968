"""What an agent has to do, as it writes it down itself; not the reminders of ``system.todo``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from annotated_types import MaxLen, MinLen

from xml_pipeline.payload import xmlify
from xml_pipeline.tools.base import ToolFailed
from xml_pipeline.tools.workspace import Notes

Status = Literal["pending", "in_progress", "completed", "cancelled", "failed", "blocked"]
Priority = Literal["critical", "high", "medium", "low"]

_NOTE = "todos"
_ICONS = {
    "pending": "[ ]",
    "in_progress": "[>]",
    "completed": "[x]",
    "cancelled": "[-]",
    "failed": "[!]",
    "blocked": "[~]",
}


@xmlify
@dataclass(frozen=True, slots=True)
class TodoItem:
    """Something to do."""

    content: Annotated[str, MinLen(1), MaxLen(1000)]
    status: Status = "pending"
    priority: Priority = "medium"


def keep(notes: Notes, todos: tuple[TodoItem, ...]) -> str:
    """Put a list in place of the one that was there, and return it in words."""
    if sum(each.status == "in_progress" for each in todos) > 1:
        raise ToolFailed("at most one todo is in_progress at a time")
    notes.put(_NOTE, json.dumps([asdict(each) for each in todos]))
    return in_words(todos)


def kept(notes: Notes) -> tuple[TodoItem, ...]:
    """Return the list."""
    return tuple(TodoItem(**each) for each in json.loads(notes.get(_NOTE) or "[]"))


def in_words(todos: tuple[TodoItem, ...]) -> str:
    """Return a list as a model reads it."""
    lines = (f"{_ICONS[each.status]} ({each.priority}) {each.content}" for each in todos)
    return "\n".join(lines) or "(nothing to do)"
