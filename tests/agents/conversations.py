"""Conversations as they come about: a task, then calls and their results, or words."""

from __future__ import annotations

from hypothesis import strategies as st

from xml_pipeline.llm.base import (
    Audio,
    Block,
    Image,
    Message,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    said,
)

names = st.text("abcdefgh_", min_size=1, max_size=8)
words = st.text(max_size=40)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
objects = st.dictionaries(words, json_values, max_size=3)
calls = st.builds(ToolCall, names, names, objects, words)
results = st.builds(ToolResult, names, words, st.booleans())
media = st.builds(Image, words, words) | st.builds(Audio, words, words)
blocks: st.SearchStrategy[Block] = st.one_of(
    st.builds(Text, words), st.builds(Thinking, words, words, st.booleans()), calls, results, media
)
anything = st.builds(
    Message, st.sampled_from(("user", "assistant")), st.lists(blocks, max_size=4).map(tuple)
)


def _turn(number: int, letter: str, length: int, speaks: bool) -> tuple[Message, ...]:
    if speaks:
        return said("assistant", letter * (length // 9)), said("user", letter)
    call = ToolCall(str(number), "look", {"at": letter})
    result = ToolResult(call.id, letter * length, is_error=not number)
    return Message("assistant", (call,)), Message("user", (result,))


turns = st.builds(
    _turn, st.integers(0, 9), st.sampled_from("aé😀"), st.integers(0, 600), st.booleans()
)


@st.composite
def conversations(draw: st.DrawFn, most: int = 8) -> tuple[Message, ...]:
    """Return a task and what followed; it may end with the model's own words."""
    messages = [
        said("user", draw(st.text(max_size=9))),
        *sum(draw(st.lists(turns, max_size=most)), ()),
    ]
    if draw(st.booleans()):
        messages.append(said("assistant", "Done."))
    return tuple(messages)


def sides_take_turns(messages: tuple[Message, ...]) -> bool:
    """Tell whether the user begins, and no side speaks twice in a row."""
    roles = [each.role for each in messages]
    return roles == [("user", "assistant")[index % 2] for index in range(len(roles))]


def answered(messages: tuple[Message, ...]) -> bool:
    """Tell whether each result follows right on the call that it answers."""
    earlier: tuple[str, ...] = ()
    for message in messages:
        found = [each.call_id for each in message.blocks if isinstance(each, ToolResult)]
        if any(each not in earlier for each in found):
            return False
        earlier = tuple(each.id for each in message.calls)
    return True
