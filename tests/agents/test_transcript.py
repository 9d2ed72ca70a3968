"""What was said comes back exactly as it was."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agents.conversations import anything
from xml_pipeline.agents.transcript import appended, from_json, to_json
from xml_pipeline.llm.base import Message, Text, Thinking, ToolCall


@given(st.lists(anything, max_size=6).map(tuple))
def test_every_block_comes_back_as_it_was(messages: tuple[Message, ...]) -> None:
    assert from_json(to_json(messages)) == messages


some = st.lists(anything, max_size=3)


@given(some, some)
def test_more_is_written_at_the_end_without_writing_all_again(
    messages: list[Message], more: list[Message]
) -> None:
    assert appended(to_json(messages), more) == to_json([*messages, *more])


def test_a_transcript_begins_with_its_first_messages() -> None:
    said = (Message("user", (Text("Hi."),)),)
    assert appended("", said) == to_json(said)
    assert from_json(appended("", ())) == ()


@given(some, some)
def test_what_stands_there_stays_and_more_is_only_added(
    messages: list[Message], more: list[Message]
) -> None:
    text = to_json(messages)
    assert appended(text, more).startswith(text)


def test_thoughts_keep_their_seal() -> None:
    sealed = Message("assistant", (Thinking("hm", "c2VhbA==", redacted=True),))
    (read,) = from_json(to_json((sealed,)))
    assert read == sealed


def test_arguments_that_nobody_can_change_are_written_too() -> None:
    call = ToolCall("1", "look", MappingProxyType({"at": ["this"]}))
    (read,) = from_json(to_json((Message("assistant", (call,)),)))
    assert read.calls[0].arguments == {"at": ["this"]}


def test_half_of_a_surrogate_pair_is_no_reason_to_lose_a_conversation() -> None:
    torn = Message("assistant", (Text("cut \ud83d"),))
    text = to_json((torn,))
    assert text.isascii()
    assert from_json(text) == (torn,)


@pytest.mark.parametrize(
    "text", ["\n", "{", "3", "[3]", '["x"]', '["u",["?","text"]]', '["u",["t"]]', '["u",[]]', "[]"]
)
def test_what_is_no_transcript_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  each kind of damage has its own words
        from_json(text)
