"""What the journal knows of conversations, as the routes show it: those before a restart, too."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from lxml import etree

from xml_pipeline.backends import PastConversation
from xml_pipeline.errors import BackendUnavailable
from xml_pipeline.journal import Journal
from xml_pipeline.journal.reading import (
    PastFault,
    PastMessage,
    PastThread,
    Story,
    UnreadableJournal,
    read,
    without_details,
)
from xml_pipeline.server.history import ThreadRecord
from xml_pipeline.server.problems import Problem
from xml_pipeline.server.rendering import stamp
from xml_pipeline.steps.xml import strict_parser

_PARSER = strict_parser()


class Chronicle:
    """Reads conversations from the journal; ``most`` messages of each are shown.

    All raise Problem where the journal cannot be read at present.
    """

    def __init__(self, journal: Journal, most: int) -> None:
        self._journal = journal
        self._most = most

    async def conversation(self, conversation_id: str) -> PastConversation | None:
        """Return the log of a conversation, None where there is none that can be read."""
        if not self._journal.keeps:
            return None
        with _told():
            await self._journal.written()
            return await self._journal.backend.conversation(conversation_id)

    async def thread(self, conversation_id: str) -> ThreadRecord | None:
        """Return the first thread of a conversation."""
        story = await self._story(conversation_id)
        return _record(story, story.root) if story is not None else None

    async def others(self, known: Collection[str], most: int) -> list[ThreadRecord]:
        """Return the first threads of the latest conversations but these."""
        if not self._journal.keeps:
            return []
        with _told():
            summaries = await self._journal.backend.conversations(most + len(known))
        found = [each.id for each in summaries if each.id not in known][:most]
        records = []
        for each in found:
            if (record := await self.thread(each)) is not None:
                records.append(record)
            await asyncio.sleep(0)  # There may be many, and others have a right to a turn.
        return records

    async def said(self, record: ThreadRecord) -> list[dict[str, Any]]:
        """Return what was said on a thread, or in all of a conversation for its root."""
        story = await self._story(record.conversation)
        if story is None:
            return []
        said = sorted(_said(story), key=lambda each: each[0])
        whole = record.id == record.conversation
        told = [each for _, each in said if whole or each["thread_id"] == record.id]
        return told[-self._most :]

    async def _story(self, conversation_id: str) -> Story | None:
        past = await self.conversation(conversation_id)
        try:
            return read(past) if past is not None else None
        except UnreadableJournal:
            return None


def log_members(past: PastConversation) -> dict[str, Any]:
    """Return the log of a conversation as a JSON object."""
    entries = [
        {"at": each.at, "records": base64.b64encode(without_details(each.records)).decode()}
        for each in past.entries
    ]
    return {"id": past.id, "opened": past.opened, "ended": past.ended, "entries": entries}


def _record(story: Story, thread: PastThread) -> ThreadRecord:
    parent = thread.parent if thread.parent in story.threads else None
    changed = thread.closed or thread.opened
    return ThreadRecord(
        thread.id,
        story.id,
        parent,
        thread.caller,
        thread.callee,
        thread.status,
        thread.opened,
        changed,
    )


def _said(story: Story) -> Iterator[tuple[float, dict[str, Any]]]:
    for each in story.deliveries.values():
        yield each.at, _message(story, each.message, each.at, each.thread, each.listener)
    for left in story.messages.values():
        if left.left:
            yield left.at, _message(story, left, left.at, story.id, story.principal)
    for fault in story.faults:
        yield fault.at, _fault(story, fault)


def _message(story: Story, message: PastMessage, at: float, thread: str, to: str) -> dict[str, Any]:
    tag, payload = _payload(message.raw)
    return {
        "event": "MessageSent",
        "at": stamp(at),
        "thread_id": thread,
        "conversation_id": story.id,
        "message_id": f"{story.id}.{message.number}",
        "from_id": message.sender,
        "to_id": to,
        "payload_type": tag,
        "payload": payload,
        "notes": list(message.repairs),
        "size": len(message.raw),
    }


def _fault(story: Story, fault: PastFault) -> dict[str, Any]:
    return {
        "event": "FaultEvent",
        "at": stamp(fault.at),
        "id": fault.id,
        "code": fault.code,
        "thread_id": story.id,
        "conversation_id": story.id,
        "from_id": fault.sender,
        "to_id": fault.to,
        "message_id": "",
    }


def _payload(envelope: bytes) -> tuple[str, str | None]:
    """Return the type and the text of the payload of an envelope; None where it is none."""
    try:
        payload = etree.fromstring(envelope, _PARSER)[1]
        text = etree.tostring(payload, method="c14n", exclusive=True, with_comments=False)
    except (etree.LxmlError, ValueError, IndexError):
        return "", None
    return str(payload.tag), text.decode()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BackendUnavailable as error:
        words, after = "The journal cannot be read at present.", error.retry_after
        raise Problem(503, words, code="overload", retry_after=after) from None
