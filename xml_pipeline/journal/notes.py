"""What of a conversation is still to be written."""

from __future__ import annotations

from xml_pipeline.thread import Conversation


class Notes:
    """What has been noted of one conversation, and is not written yet.

    ``leaving`` are its messages that are on their way out: it ends when its root thread has
    closed and the last of them has left. Then it is ``over``, and nothing more is noted.
    ``traceparent`` is the conversation's as it was noted last.
    """

    __slots__ = ("conversation", "ended", "leaving", "lines", "opens", "over", "traceparent")

    def __init__(self, conversation: Conversation, opens: bool) -> None:
        self.conversation = conversation
        self.opens = opens
        self.ended = self.over = False
        self.leaving = 0
        self.lines: list[bytes] = []
        self.traceparent = ""
