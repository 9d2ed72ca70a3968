"""Log lines for people who read along: short, and harmless on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from structlog.typing import EventDict, Processor

from xml_pipeline.cli.output import printable

SHOWN = 8
"""Characters of an id that are shown: enough to tell those on one screen apart."""


def text_lines(*, colors: bool) -> Sequence[Processor]:
    """Return what makes one readable line of what is logged."""
    return (
        shortened,
        structlog.dev.ConsoleRenderer(
            colors=colors,
            pad_event_to=0,
            pad_level=False,
            exception_formatter=structlog.dev.plain_traceback,
        ),
    )


def shortened(_: object, __: str, line: EventDict) -> EventDict:
    """Shorten ids, leave out what repeats another, tell the time of day, escape controls."""
    stamp = datetime.fromisoformat(line.pop("timestamp")).astimezone()
    line.pop("conversation_id", None)
    line.pop("logger", None)
    line["message"] = str(line.pop("message_id", "")).rpartition(".")[2] or None
    line["thread"] = str(line.pop("thread_id", ""))[:SHOWN] or None
    told = {
        key: printable(value) if isinstance(value, str) else value
        for key, value in line.items()
        if value is not None
    }
    return {"timestamp": f"{stamp:%H:%M:%S}", **told}
