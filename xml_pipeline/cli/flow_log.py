"""A running organism where nobody reads along: a line of JSON for every message."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict

import structlog

from xml_pipeline.events import Event, MessageReceived, ReloadEvent
from xml_pipeline.logs import json_lines, log_lines
from xml_pipeline.organism import Organism

MESSAGES_FROM = ("debug", "info")
"""Levels at which every message has a line; above, none is even told of."""


@contextmanager
def logged(organism: Organism, level: str) -> Iterator[None]:
    """Log to stderr while the context is open."""
    with ExitStack() as stack:
        stack.callback(log_lines(sys.stderr, json_lines(), level))
        if level in MESSAGES_FROM:
            stack.callback(organism.subscribe(note))
        yield


def note(event: Event) -> None:
    """Log an event. Faults are logged where they are made, with their details."""
    log = structlog.get_logger(__name__)
    if isinstance(event, MessageReceived):
        log.info(
            "message",
            listener=event.to_id,
            thread_id=event.thread_id,
            conversation_id=event.conversation_id,
            message_id=event.message_id,
            sender=event.from_id,
            payload_type=event.payload_type,
        )
    elif isinstance(event, ReloadEvent) and event.applied:
        log.info("reloaded", **asdict(event))
