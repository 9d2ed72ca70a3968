"""Where an organism writes what must outlive it. ``base.py`` says what a backend does."""

from __future__ import annotations

from xml_pipeline.backends.base import (
    Backend,
    Commit,
    DeadLetter,
    Entry,
    Mark,
    Past,
    PastConversation,
    Shared,
    View,
    endings_of,
    shard_of,
)

__all__ = [
    "Backend",
    "Commit",
    "DeadLetter",
    "Entry",
    "Mark",
    "Past",
    "PastConversation",
    "Shared",
    "View",
    "endings_of",
    "shard_of",
]
