"""Logging of a running organism: every line says on whose behalf it was written.

Handlers log as they like, with ``logging`` or ``structlog``. A line written while a handler
runs is given the thread, conversation, listener and message it was about.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from xml_pipeline.dispatch.relay import current_delivery
from xml_pipeline.redaction import Redact, Redaction, secrets_in

CHATTERING = ("httpcore", "httpx", "uvicorn", "watchfiles")
"""Libraries that tell of every request and every change at the level ``info``."""


def json_lines() -> Sequence[Processor]:
    """Return what makes one line of JSON of what is logged."""
    return (
        structlog.processors.format_exc_info,
        _most_important_first,
        structlog.processors.JSONRenderer(_json),
    )


@contextmanager
def log_lines(render: Sequence[Processor], level: str = "info") -> Iterator[Stderr]:
    """Log to stderr, as ``render`` writes it, while the context is open.

    ``level`` is the lowest level that is written: ``debug``, ``info``, ``warning``, ``error``.
    Secrets are taken out last of all: those of the environment, or those that whoever is given
    what is written to knows of, and says so there.
    """
    stderr = Stderr(Redaction(secrets_in(os.environ)).redact)
    handler = logging.StreamHandler(stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_beginnings(), structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    structlog.configure(
        processors=[*_beginnings(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    try:
        with _attached(handler, level):
            yield stderr
    finally:
        structlog.reset_defaults()


class Stderr:
    """Whatever stderr is at the moment: a display may have put itself in its place.

    ``redact`` takes secrets out of each line, and of the traceback that belongs to it.
    """

    def __init__(self, redact: Redact) -> None:
        self.redact = redact

    def write(self, text: str) -> None:
        """Write a whole line without its secrets."""
        sys.stderr.write(self.redact(text))

    def flush(self) -> None:
        """Have it written."""
        sys.stderr.flush()


@contextmanager
def _attached(handler: logging.Handler, level: str) -> Iterator[None]:
    """Let a handler hear what is logged; of libraries that chatter, warnings only."""
    root = logging.getLogger()
    levels = {root: level.upper()}
    if level != "debug":
        levels |= {logging.getLogger(name): "WARNING" for name in CHATTERING}
    before = {logger: logger.level for logger in levels}
    root.addHandler(handler)
    for logger, wanted in levels.items():
        logger.setLevel(wanted)
    try:
        yield
    finally:
        root.removeHandler(handler)
        for logger, old in before.items():
            logger.setLevel(old)


def _beginnings() -> list[Processor]:
    """Return what every line passes first, whoever wrote it."""
    return [
        structlog.contextvars.merge_contextvars,
        about_delivery,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def about_delivery(_: object, __: str, line: EventDict) -> EventDict:
    """Add whose delivery is being handled, where the line does not say so itself."""
    delivery = current_delivery.get()
    if delivery is not None:
        conversation = delivery.conversation.id
        line.setdefault("listener", delivery.listener.name)
        line.setdefault("thread_id", delivery.thread.id)
        line.setdefault("conversation_id", conversation)
        line.setdefault("message_id", f"{conversation}.{delivery.id}")
    return line


def _most_important_first(_: object, __: str, line: EventDict) -> EventDict:
    first = {key: line[key] for key in ("timestamp", "level", "event") if key in line}
    return {**first, **line}


def _json(line: object, **settings: Any) -> str:
    return json.dumps(line, **{"default": repr, **settings})
