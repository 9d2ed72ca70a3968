"""How many tokens something is guessed to take."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xml_pipeline.llm import tokens
from xml_pipeline.llm.base import (
    Audio,
    Function,
    Image,
    Message,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    said,
)


@given(st.text())
def test_four_bytes_are_a_token_and_a_rest_is_one_more(text: str) -> None:
    taken = tokens.of_text(text)
    assert 4 * (taken - 1) < len(text.encode()) <= 4 * taken


def test_a_message_takes_four_tokens_beside_its_blocks() -> None:
    assert tokens.of_message(Message("user", ())) == 4
    blocks = (Text("12345678"), ToolResult("id", "1234"), Thinking("12", "34"))
    assert tokens.of_message(Message("user", blocks)) == 4 + 2 + 1 + 1
    assert tokens.of_block(ToolCall("id", "ab", {"a": 1})) == 3  # ab{"a":1}
    assert tokens.of_block(ToolCall("id", "ab", {}, malformed="123456")) == 2


def test_pictures_and_sounds_are_counted_by_their_size() -> None:
    assert tokens.of_block(Image("image/png", "a" * 1500)) == 2 + 85
    assert tokens.of_block(Audio("wav", "a" * 751)) == 2 + 50


def test_what_a_model_may_call_is_counted_too() -> None:
    function = Function("search", "Searches.", {"type": "object"})
    request = Request("any", (said("user", "four"),), system="sys.", functions=(function, function))
    assert tokens.of_request(request) == 1 + (4 + 1) + 2 * tokens.of_function(function)
    assert tokens.of_function(function) == 8
