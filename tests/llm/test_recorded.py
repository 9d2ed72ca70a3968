"""What was recorded of the wires is read as it is meant, at once and in pieces."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from tests.llm.asking import HELLO, Bytes, format_named, given, recorded
from xml_pipeline.llm.base import (
    Completion,
    Delta,
    Message,
    Text,
    Thinking,
    ToolCall,
    Usage,
)
from xml_pipeline.llm.errors import ProviderError, Reason

PLACE = {"location": "Zürich"}
THOUGHT = "The weather in Zürich, then."
DETAIL = {
    "type": "reasoning.text",
    "text": THOUGHT,
    "format": "anthropic-claude-v1",
    "index": 0,
    "signature": "EqQBCgIYAhIM1gbc",
}
EXPECTED = {
    "anthropic_thinking_and_call": Completion(
        Message(
            "assistant",
            (
                Thinking(THOUGHT, "EqQBCgIYAhIM1gbcDa9GJwZA2b3h"),
                Thinking("", "EmwKAhgBEgy3va3pzix/LafPsn4a", redacted=True),
                Text("I look 🌦 up."),
                ToolCall("toolu_01T", "get_weather", PLACE),
                ToolCall("toolu_01U", "clock", {}),
            ),
        ),
        Usage(472, 89, 100, 2048),
        "tool_use",
        "claude-sonnet-4-5-20250929",
    ),
    "openrouter_reasoning_and_calls": Completion(
        Message(
            "assistant",
            (
                Thinking(THOUGHT, json.dumps(DETAIL, ensure_ascii=False)),
                Text("I look 🌦 up."),
                ToolCall("toolu_01T", "get_weather", PLACE),
                ToolCall("toolu_01U", "clock", {}),
            ),
        ),
        Usage(472, 89, 100, 2048, 40),
        "tool_use",
        "anthropic/claude-sonnet-4.5",
        0.0046,
    ),
    "openai_words": Completion(
        Message("assistant", (Text("Grüezi!"),)),
        Usage(93, 46, 0, 1024, 40),
        "end_turn",
        "gpt-5-2025-08-07",
    ),
    "ollama_calls": Completion(
        Message(
            "assistant",
            (
                Thinking("Both."),
                ToolCall("call_a", "clock", {"zone": "CET"}),
                ToolCall("call_b", "clock", {"zone": "UTC"}),
            ),
        ),
        Usage(166, 53),
        "tool_use",
        "qwen3",
    ),
    "xai_thought": Completion(
        Message("assistant", (Thinking("101 times 3."), Text("303"))),
        Usage(26, 148, 0, 6, 139),
        "end_turn",
        "grok-3-mini",
    ),
}
STREAMS = sorted(set(EXPECTED) - {"xai_thought"})
WHOLE = sorted(set(EXPECTED) - {"ollama_calls"})


@pytest.mark.parametrize("name", WHOLE)
async def test_a_recorded_reply_is_read(name: str) -> None:
    transport = Bytes([recorded(f"{name}.json")], "application/json")
    assert await given(format_named(name), transport).complete(HELLO) == EXPECTED[name]


@pytest.mark.parametrize("name", STREAMS)
async def test_a_recorded_stream_is_put_together(name: str) -> None:
    transport = Bytes([recorded(f"{name}.sse")])
    assert await read(name, transport) == EXPECTED[name]


@pytest.mark.parametrize("end", [b"\r", b"\r\n"], ids=["CR", "CRLF"])
@pytest.mark.parametrize("name", STREAMS)
async def test_lines_may_end_as_they_like(name: str, end: bytes) -> None:
    stream = recorded(f"{name}.sse").replace(b"\n", end)
    assert await read(name, Bytes([stream])) == EXPECTED[name]


@pytest.mark.parametrize("name", STREAMS)
async def test_a_stream_may_come_byte_by_byte(name: str) -> None:
    stream = recorded(f"{name}.sse").replace(b"\n", b"\r\n")
    assert (
        await read(name, Bytes(stream[at : at + 1] for at in range(len(stream))))
        == (EXPECTED[name])
    )


@for_all(data=st.data())
@pytest.mark.parametrize("name", STREAMS)
async def test_any_split_of_a_stream_gives_the_same_completion(
    name: str, data: st.DataObject
) -> None:
    end = data.draw(st.sampled_from([b"\n", b"\r", b"\r\n"]))
    stream = recorded(f"{name}.sse").replace(b"\n", end)
    places = st.lists(st.integers(0, len(stream)), max_size=30)
    cuts = sorted({0, len(stream), *data.draw(places)})
    pieces = [stream[begin:until] for begin, until in pairwise(cuts)]
    assert await read(name, Bytes(pieces)) == EXPECTED[name]


@for_all(data=st.data())
@pytest.mark.parametrize("name", STREAMS)
async def test_part_of_a_stream_never_looks_like_the_whole(name: str, data: st.DataObject) -> None:
    stream = recorded(f"{name}.sse")
    cut = data.draw(st.integers(0, len(stream)))
    assert await outcome(name, Bytes([stream[:cut]])) in ("network", "server", EXPECTED[name])


@pytest.mark.parametrize("name", STREAMS)
async def test_data_may_stand_on_several_lines(name: str) -> None:
    stream = recorded(f"{name}.sse").replace(b'{"', b'{\ndata:"')
    assert await read(name, Bytes([b": a comment\n\n", stream])) == EXPECTED[name]


@pytest.mark.parametrize("name", STREAMS)
async def test_the_last_blank_line_may_be_missing(name: str) -> None:
    assert await read(name, Bytes([recorded(f"{name}.sse").rstrip()])) == EXPECTED[name]


async def read(name: str, transport: Bytes) -> Completion:
    """Return the completion of a stream that somebody hears."""
    heard: list[Delta] = []
    return await given(format_named(name), transport).complete(HELLO, heard.append)


async def outcome(name: str, transport: Bytes) -> Completion | Reason:
    """Return the completion of a stream, or why there is none."""
    try:
        return await read(name, transport)
    except ProviderError as error:
        return error.reason
