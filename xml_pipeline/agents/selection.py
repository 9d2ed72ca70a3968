"""Which functions a model is offered in a turn, where it has more than it should be shown."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from xml_pipeline.llm.base import Function, Message, Text

RECENT = 4
"""Messages whose words say what a turn is about; those of the first, the task, say it too."""

_WORD = re.compile(r"\w{3,}")


def selected(
    functions: Sequence[Function],
    messages: Sequence[Message],
    limit: int | None,
    always: Collection[str] = (),
) -> tuple[Function, ...]:
    """Return the likeliest functions, ``limit`` of them, in their order; None: all.

    Those named ``always`` are never left out, even beyond the limit. Then come those that were
    called last, then those in whose name or description the most words occur. The order stays:
    what a provider keeps in its cache must not depend on the ranking.
    """
    if limit is None or len(functions) <= limit:
        return tuple(functions)
    last = _called_last(messages)
    spoken = _words(messages)

    def rank(function: Function) -> tuple[bool, bool, int]:
        about = f"{function.name} {function.description}".lower()
        return function.name in always, function.name in last, sum(w in about for w in spoken)

    ranked = sorted(functions, key=rank, reverse=True)
    fixed = sum(each.name in always for each in functions)
    offered = {each.name for each in ranked[: max(limit, fixed)]}
    return tuple(each for each in functions if each.name in offered)


def _called_last(messages: Sequence[Message]) -> set[str]:
    turns = (each for each in reversed(messages) if each.role == "assistant")
    return {call.name for turn in list(turns)[:1] for call in turn.calls}


def _words(messages: Sequence[Message]) -> set[str]:
    return {word for text in _texts(messages) for word in _WORD.findall(text.lower())}


def _texts(messages: Sequence[Message]) -> Iterator[str]:
    for message in (*messages[:1], *messages[-RECENT:]):
        yield from (each.text for each in message.blocks if isinstance(each, Text))
