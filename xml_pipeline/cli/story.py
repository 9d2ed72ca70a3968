"""A conversation of the journal as a tree: who said what to whom, when, and how long it took."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lxml import etree
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from xml_pipeline.backends import Past, PastConversation
from xml_pipeline.cli.output import print_result, printable
from xml_pipeline.journal.lines import NOBODY
from xml_pipeline.journal.reading import PastDelivery, PastFault, PastMessage, PastThread, Story
from xml_pipeline.steps.xml import strict_parser

_PARSER = strict_parser()

LONGEST = 100
"""Characters of a payload in the tree."""


@dataclass(slots=True)
class Node:
    """A line, when it was, and what stands below it."""

    at: float
    text: str
    below: list[Node] = field(default_factory=list)

    def sort(self) -> None:
        """Put what stands below in the order of its times."""
        self.below.sort(key=lambda each: each.at)
        for each in self.below:
            each.sort()


def past_of(said: Mapping[str, Any]) -> PastConversation:
    """Return the log that a server has shown."""
    entries = tuple(Past(each["at"], base64.b64decode(each["records"])) for each in said["entries"])
    return PastConversation(said["id"], said["opened"], said["ended"], entries)


def tree_of(story: Story, thread_id: str) -> Node:
    """Return the tree of a thread, or of a whole conversation for its root."""
    thread = story.threads[thread_id]
    top = Node(thread.opened, f"{_clock(thread.opened)}  {_heading(story, thread)}")
    top.below = [*_below(story, thread)]
    if thread.parent == NOBODY:
        leaving = (each for each in story.messages.values() if each.left)
        top.below += (Node(each.at, _way(each, story.principal)) for each in leaving)
        top.below += (Node(each.at, _fault(each)) for each in story.faults)
    top.sort()
    return top


def members_of(story: Story) -> dict[str, Any]:
    """Return what a tree shows as a JSON object, for programs."""
    return {
        "deliveries": [
            {
                "message": f"{story.id}.{each.message.number}",
                "thread": each.thread,
                "from": each.message.sender,
                "to": each.listener,
                "type": payload_of(each.message.raw)[0],
                "attempts": each.attempts,
                "at": each.at,
                "began": each.began or None,
                "settled": each.settled or None,
            }
            for each in story.deliveries.values()
        ],
        "faults": [
            {"id": each.id, "code": each.code, "from": each.sender, "to": each.to, "at": each.at}
            for each in story.faults
        ],
    }


def print_tree(top: Node) -> None:
    """Print a tree: drawn on a terminal, indented elsewhere."""
    console = Console()
    if console.is_terminal:
        drawn = Tree(Text(printable(top.text)))
        _draw(top, drawn)
        console.print(drawn)
    else:
        for line in _indented(top, 0):
            print_result(line)


def payload_of(envelope: bytes) -> tuple[str, str]:
    """Return the type and the text of the payload of an envelope."""
    try:
        payload = etree.fromstring(envelope, _PARSER)[1]
        text = etree.tostring(payload, method="c14n", exclusive=True, with_comments=False)
    except (etree.LxmlError, ValueError, IndexError):
        return "", envelope.decode(errors="replace")
    return str(payload.tag), text.decode()


def _below(story: Story, thread: PastThread) -> Iterator[Node]:
    """Yield what was delivered on a thread, and the threads below it."""
    for each in story.deliveries.values():
        if each.thread == thread.id:
            yield Node(each.at, _delivered(each))
    for id in thread.children:
        child = story.threads[id]
        first, *others = [*_below(story, child)] or [Node(child.opened, _heading(story, child))]
        first.below = others
        yield first


def _delivered(delivery: PastDelivery) -> str:
    about = [_length(delivery.settled - delivery.began)] if delivery.settled else ["not settled"]
    if not delivery.attempts:
        about = ["never handed over"]
    if delivery.attempts > 1:
        about.append(f"{delivery.attempts} attempts")
    return f"{_way(delivery.message, delivery.listener)}  ({', '.join(about)})"


def _way(message: PastMessage, to: str) -> str:
    text = payload_of(message.raw)[1]
    short = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return f"{message.sender} → {to}  {short}"


def _fault(fault: PastFault) -> str:
    return f"{fault.sender} → {fault.to or '?'}  fault {fault.id} ({fault.code})"


def _heading(story: Story, thread: PastThread) -> str:
    took = f" after {_length(thread.closed - thread.opened)}" if thread.closed else ""
    kind = "conversation" if thread.parent == NOBODY else "thread"
    callee = thread.callee or "nobody yet"
    return f"{kind} {thread.id}  {thread.caller} → {callee}  {thread.status}{took}"


def _draw(node: Node, tree: Tree) -> None:
    for each in node.below:
        _draw(each, tree.add(Text(printable(each.text))))


def _indented(node: Node, depth: int) -> Iterator[str]:
    yield f"{'  ' * depth}{node.text}"
    for each in node.below:
        yield from _indented(each, depth + 1)


def _length(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1.0 else f"{1_000 * seconds:.0f} ms"


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M:%S}"
