"""Dead letters: messages that were given up, kept so that somebody can look and try again."""

from __future__ import annotations

import secrets
import time

from xml_pipeline.backends import DeadLetter
from xml_pipeline.message import Delivery
from xml_pipeline.steps.seal import envelope_bytes


def dead_letter(delivery: Delivery, reason: str) -> DeadLetter:
    """Make a dead letter of a delivery; ``reason`` is for those who will look at it."""
    conversation, listener = delivery.conversation, delivery.listener.name
    raw = envelope_bytes(delivery.payload.to_xml(), delivery.sender, listener, conversation.id)
    return DeadLetter(
        id=secrets.token_hex(8),
        message_id=f"{conversation.id}.{delivery.id}",
        conversation_id=conversation.id,
        listener=listener,
        sender=delivery.sender,
        tenant=conversation.tenant,
        attempts=delivery.attempt,
        reason=reason,
        payload=raw,
        at=time.time(),
    )
