"""XML instead of functions: for models that write what they want sent by hand.

What they write is text like any other text of a handler: the pump repairs, splits and validates
it, and a mistake in it comes back to the model. Here it is only found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from xml_pipeline.agents.functions import RESPOND, Functions
from xml_pipeline.llm.base import Message, Text, ToolCall, ToolResult

ADVICE = (
    "To ask one of them, write the XML element that it takes, and nothing but such elements: "
    "several at once are handled side by side. You are told what came of each. "
    "Text without such an element is your answer, and ends your work."
)

_START = re.compile(r"<([A-Za-z_][\w.\-]*)(?:\s[^<>]*?)?(/?)>")
_VERBATIM = r"<!\[CDATA\[(?:.*?\]\]>|.*)|<!--(?:.*?-->|.*)"
"""What is no markup within; to the end of the text where it does not end."""


def written(text: str, functions: Functions, answers_with: str | None) -> tuple[ToolCall, ...]:
    """Return the elements in a text that a peer takes, or that answer, as calls.

    ``answers_with`` is the tag of the answer, None where it is words.
    """
    names = {answers_with: RESPOND} if answers_with is not None else {}
    for name, target in functions.targets.items():
        if target.tag is not None:
            names.setdefault(target.tag, name)
    found = _elements(text, names)
    return tuple(
        ToolCall(f"x{number}", names[tag], {"xml": xml}) for number, (tag, xml) in enumerate(found)
    )


def in_words(calls: Iterable[ToolResult], names: Iterable[str]) -> Message:
    """Return the results of a turn as such a model is told them."""
    told = (
        f'<{"error" if each.is_error else "result"} from="{name}">\n{each.content}\n'
        f"</{'error' if each.is_error else 'result'}>"
        for each, name in zip(calls, names, strict=True)
    )
    return Message("user", (Text("\n".join(told)),))


def _elements(text: str, known: Iterable[str | None]) -> Iterator[tuple[str, str]]:
    """Yield each outermost element of a known name, to the end of the text if it never ends."""
    tags, at = frozenset(known), 0
    while (start := _START.search(text, at)) is not None:
        tag, empty = start.groups()
        if tag not in tags:
            at = start.end()
            continue
        end = start.end() if empty else _end(text, tag, start.end())
        yield tag, text[start.start() : end]
        at = end


def _end(text: str, tag: str, at: int) -> int:
    marks = re.compile(rf"{_VERBATIM}|<(/?)({re.escape(tag)})(?:\s[^<>]*?)?(/?)>", re.DOTALL)
    depth = 1
    for mark in marks.finditer(text, at):
        closes, named, empty = mark.groups()
        if named is not None:
            depth += -1 if closes else 0 if empty else 1
        if not depth:
            return mark.end()
    return len(text)
