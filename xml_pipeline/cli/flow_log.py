"""A running organism where nobody reads along: a log line for every message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click
import structlog

from xml_pipeline.events import Event, MessageReceived, ReloadEvent
from xml_pipeline.organism import Organism
from xml_pipeline.redaction import Redact
from xml_pipeline.server.rendering import event_members

MESSAGES_FROM = ("debug", "info")
"""Levels at which every message has a line; above, none is even told of."""


@contextmanager
def messages_logged(organism: Organism, level: str) -> Iterator[None]:
    """Log messages and reloads while the context is open, where the level lets them through."""
    if level not in MESSAGES_FROM:
        yield
        return
    end = organism.subscribe(note)
    try:
        yield
    finally:
        end()


def tell(redact: Redact, event: Event) -> None:
    """Write an event to stderr, as a line of JSON without secrets."""
    said = {"event": type(event).__name__, **event_members(event)}
    click.echo(redact(json.dumps(said)), err=True)


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
