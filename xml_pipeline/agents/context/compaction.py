"""Puts a summary in the place of what is older: in good time, or after a request was too long.

The summary stands in the first message, behind the task. A later one takes in the earlier and takes
its place: however often a conversation is compacted, there is one summary in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from xml_pipeline.agents.aside import Cost
from xml_pipeline.agents.context.groups import Messages
from xml_pipeline.agents.context.lines import lines
from xml_pipeline.agents.context.summary import Story, Summarizer
from xml_pipeline.llm.base import Message, Text, alternating
from xml_pipeline.llm.tokens import of_messages

KEPT = 4
"""Newest messages that stay as they are."""

HEADING = "[Summary of what was said and done since]\n"


@dataclass(frozen=True, slots=True)
class Compaction:
    """A conversation afterwards, what has gone from it, and what that took.

    Nothing has gone where there was too little to summarize, or no summary to be had.
    """

    messages: Messages
    gone: Messages = ()
    cost: Cost = field(default_factory=Cost)


def compactable(messages: Sequence[Message], compacted_before: bool) -> bool:
    """Tell whether a conversation that is too long for its model can be compacted.

    ``compacted_before`` says that it was, and the model has not answered since: once more would
    not help, and could go on for ever.
    """
    return not compacted_before and _cut(alternating(messages)) > 1


async def compacted(
    messages: Sequence[Message], summarizer: Summarizer, *, overflowed: bool = False
) -> Compaction:
    """Return a conversation with a summary in place of all but its first and newest messages.

    ``overflowed`` says that its model could not read all of it: then it is asked to read half as
    much at once, at most.
    """
    turns = alternating(messages)
    cut = _cut(turns)
    if cut <= 1:
        return Compaction(tuple(messages))
    if overflowed:
        most = min(summarizer.most, of_messages(turns) // 2)
        summarizer = replace(summarizer, most=most)
    task, earlier = parted(turns[0])
    story = Story(task.text, earlier, tuple(lines(turns[1:cut])))
    summary, cost = await summarizer.summarize(story)
    if not summary:
        return Compaction(tuple(messages), cost=cost)
    first = replace(task, blocks=(*task.blocks, Text(HEADING + summary)))
    return Compaction((first, *turns[cut:]), turns[1:cut], cost)


def parted(first: Message) -> tuple[Message, str]:
    """Return the first message as it was, and the summary that stands in it, "" where none does."""
    *before, last = first.blocks or (None,)
    if before and isinstance(last, Text) and last.text.startswith(HEADING):
        return replace(first, blocks=first.blocks[:-1]), last.text.removeprefix(HEADING)
    return first, ""


def _cut(turns: Sequence[Message]) -> int:
    """Return where the newest begin, with words or calls of the model; at most 1: nothing goes."""
    cut = len(turns) - KEPT
    while cut > 1 and turns[cut].role != "assistant":
        cut -= 1
    return cut
