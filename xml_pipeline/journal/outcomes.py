"""What became of a message from outside, as far as the journal knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xml_pipeline.journal.lines import NOBODY
from xml_pipeline.journal.reading import PastFault, PastMessage, Story


@dataclass(frozen=True, slots=True)
class PastOutcome:
    """What became of a message.

    ``answer`` is what left the organism for it, or is about to; ``fault`` why there is none.
    Neither where its conversation ``is_over`` means that all went quiet. ``overtaken`` tells
    that it was handled, and a later one asked the same listener since.
    """

    answer: PastMessage | None = None
    fault: PastFault | None = None
    is_over: bool = False
    overtaken: bool = False


def outcome_of(story: Story, number: int) -> PastOutcome:
    """Return what became of a message; LookupError where the conversation has no such one."""
    message, root = story.messages[number], story.root
    on_root = story.deliveries.get((number, root.id))
    handled = on_root is not None and bool(on_root.settled)
    answer = next(_answers(story, number, shared=handled), None)
    if answer is not None:
        return PastOutcome(answer)
    if message.refused or (not root.open and root.status in ("error", "killed")):
        return PastOutcome(fault=_fault(story, message), is_over=True)
    return PastOutcome(
        is_over=not root.open, overtaken=handled and root.request not in (number, message.key)
    )


def _answers(story: Story, number: int, *, shared: bool) -> Iterator[PastMessage]:
    """Yield the replies that answer a message.

    What the conversation's own listener says later than while it handled a later message is for
    all that it has handled before and left unanswered: this one among them if it is ``shared``.
    """
    for each in story.messages.values():
        leaves = each.kind == "reply" and each.thread == NOBODY and not each.refused
        its_own = each.in_reply_to == number
        if leaves and (its_own or (shared and _is_for_all(story, each, number))):
            yield each


def _is_for_all(story: Story, reply: PastMessage, earlier: int) -> bool:
    asked = reply.in_reply_to
    if not isinstance(asked, int) or asked < earlier:
        return False
    last = story.deliveries.get((asked, story.id))
    return last is not None and 0.0 < last.settled < reply.at


def _fault(story: Story, message: PastMessage) -> PastFault | None:
    """Return the fault that its sender was told of: its own, else the last one there was."""
    own = (each for each in story.faults if each.sender == message.sender and each.at >= message.at)
    last = story.faults[-1] if story.faults else None
    return next(own, last) if message.refused else last
