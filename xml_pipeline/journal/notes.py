"""What of a conversation is still to be written."""

from __future__ import annotations

from xml_pipeline.backends import Entry
from xml_pipeline.thread import Conversation


class Notes:
    """What has been noted of one conversation, and is not written yet.

    ``leaving`` are its messages that are on their way out: it ends when its root thread has
    closed and the last of them has left. Then it is ``over``, and nothing more is noted. It is
    ``due`` where a handler is to start as soon as it is written. ``traceparent`` is the
    conversation's as it was noted last.
    """

    __slots__ = ("conversation", "due", "ended", "leaving", "lines", "opens", "over", "traceparent")

    def __init__(self, conversation: Conversation, opens: bool) -> None:
        self.conversation = conversation
        self.opens = opens
        self.due = self.ended = self.over = False
        self.leaving = 0
        self.lines: list[bytes] = []
        self.traceparent = ""


def entry_of(notes: Notes) -> Entry:
    """Return what is noted as what is written, and go on with nothing noted."""
    records = b"".join(notes.lines)
    notes.lines, notes.due = [], False
    opens, notes.opens = notes.opens, False
    notes.over = notes.ended and not notes.leaving
    return Entry(notes.conversation.id, records, opens, notes.over)
