"""What is sent, byte for byte: ``golden/*.json`` are bodies after the public documentation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.llm.asking import KEY, asking
from tests.services.fake_llm import FakeLLM, lines
from xml_pipeline.llm.anthropic.request import written as messages
from xml_pipeline.llm.base import (
    Audio,
    Choice,
    Completion,
    Delta,
    Effort,
    Function,
    Image,
    Message,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    said,
    unheard,
)
from xml_pipeline.llm.openai.request import Dialect
from xml_pipeline.llm.openai.request import written as chat

GOLDEN = Path(__file__).with_name("golden")
DETAIL = '{"type": "reasoning.encrypted", "data": "b64", "index": 0}'
SCHEMA = {
    "type": "object",
    "properties": {"query": {"type": "string"}},
    "required": ["query"],
}
FULL = Request(
    model="claude-sonnet-4-5",
    messages=(
        said("user", "Look at this."),
        Message("user", (Text("And hear."), Image("image/png", "iVBO"), Audio("wav", "UklG"))),
        Message(
            "assistant",
            (
                Thinking("Hm.", "c2VhbA=="),
                Thinking("", "ZGFyaw==", redacted=True),
                Thinking("Unsealed."),
                Thinking("", DETAIL, redacted=True),
                Text("I search."),
                Text("  "),
                ToolCall("t1", "search", {"query": "Zürich 🌦"}),
                ToolCall("t2", "clock", {}, malformed="{oops"),
            ),
        ),
        Message(
            "user",
            (
                Text("Hurry."),
                ToolResult("t1", "It rains."),
                ToolResult("t2", "No such thing.", is_error=True),
                Text("Please."),
            ),
        ),
    ),
    system="You are brief.",
    functions=(
        Function("search", "Searches.", SCHEMA),
        Function("clock", "Tells the time.", {"type": "object"}),
    ),
    choice=Choice("auto"),
    max_tokens=8000,
    temperature=0.5,
    effort="low",
    cached=True,
)
PLAIN = Request("m", (said("user", "Hello"),), max_tokens=100, temperature=0.0)
CASES = {
    "anthropic_full": lambda: messages(FULL, True),
    "anthropic_plain": lambda: messages(PLAIN, False),
    "chat_full_openrouter": lambda: chat(Dialect(effort="reasoning"), FULL, True),
    "chat_full_openai": lambda: chat(Dialect(limit="max_completion_tokens"), FULL, False),
    "chat_plain": lambda: chat(Dialect(), PLAIN, False),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_request_is_written_as_it_always_was(name: str) -> None:
    assert CASES[name]() == json.loads(GOLDEN.joinpath(f"{name}.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("effort", "most", "budget"),
    [
        ("high", 4096, 3072),
        ("medium", 4096, 2048),
        ("low", 4096, 1024),
        ("high", 2000, 1500),
        ("low", 2000, 1024),
        ("low", 1366, 1024),
        ("low", 1365, None),
        ("high", 1365, None),
        ("none", 4096, None),
        (None, 4096, None),
    ],
)
def test_effort_is_the_share_of_an_answer_that_goes_into_thinking(
    effort: Effort, most: int, budget: int | None
) -> None:
    body = messages(replace(PLAIN, model="claude-opus-4-6", effort=effort, max_tokens=most), False)
    thinking = {"type": "enabled", "budget_tokens": budget}
    assert body.get("thinking") == (thinking if budget else None)
    assert ("temperature" in body) == (budget is None)


@pytest.mark.parametrize(
    ("model", "adaptive"),
    [
        ("claude-3-7-sonnet-20250219", False),
        ("claude-sonnet-4-20250514", False),
        ("claude-opus-4-5", False),
        ("claude-sonnet-4-6", False),
        ("claude-opus-4-7", True),
        ("claude-opus-5", True),
        ("claude-sonnet-5-20260801", True),
        ("claude-opus-5-5", True),
        ("somebody-elses", False),
    ],
)
def test_newer_models_are_told_an_effort_and_no_budget(model: str, adaptive: bool) -> None:
    body = messages(replace(PLAIN, model=model, effort="high", max_tokens=2000), False)
    assert body["thinking"]["type"] == ("adaptive" if adaptive else "enabled")
    assert body.get("output_config") == ({"effort": "high"} if adaptive else None)


@pytest.mark.parametrize(
    ("choice", "of_messages", "of_chat"),
    [
        (Choice(), None, None),
        (Choice("any"), {"type": "any"}, "required"),
        (Choice("none"), {"type": "none"}, "none"),
        (
            Choice("function", "clock"),
            {"type": "tool", "name": "clock"},
            {"type": "function", "function": {"name": "clock"}},
        ),
    ],
)
def test_a_choice_is_written(choice: Choice, of_messages: Any, of_chat: Any) -> None:
    request = replace(FULL, choice=choice)
    assert messages(request, False).get("tool_choice") == of_messages
    assert chat(Dialect(), request, False).get("tool_choice") == of_chat


def test_who_must_call_has_no_room_to_think() -> None:
    assert "thinking" in messages(FULL, False)
    assert "thinking" not in messages(replace(FULL, choice=Choice("any")), False)
    assert "thinking" in messages(replace(FULL, choice=Choice("any"), functions=()), False)


def test_the_first_message_of_the_user_alone_is_not_marked() -> None:
    body = messages(replace(PLAIN, cached=True), False)
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]


def test_messages_without_a_word_are_not_sent() -> None:
    talk = (said("user", "Hello"), said("assistant", " "), said("user", "Hello?"))
    body = messages(replace(PLAIN, messages=talk), False)
    assert [each["role"] for each in body["messages"]] == ["user"]
    assert chat(Dialect(), replace(PLAIN, messages=(said("assistant", ""),)), False)[
        "messages"
    ] == [{"role": "assistant", "content": ""}]


@pytest.mark.parametrize("heard", [False, True])
async def test_the_key_and_the_version_go_in_headers(heard: bool) -> None:
    words = Completion(said("assistant", "Yes."))
    deltas: list[Delta] = []
    async with FakeLLM(lines(words, words)) as server:
        for plugin in ("anthropic", "openai"):
            async with asking(server, plugin) as provider:
                await provider.complete(PLAIN, deltas.append if heard else unheard)
    first, second = server.asked
    assert (first.path, second.path) == ("/v1/messages", "/v1/chat/completions")
    assert first.headers["x-api-key"] == KEY
    assert first.headers["anthropic-version"] == "2023-06-01"
    assert second.headers["authorization"] == f"Bearer {KEY}"
    assert [each.streamed for each in server.asked] == [heard, heard]


async def test_half_a_character_does_not_stop_a_request() -> None:
    torn = replace(PLAIN, messages=(said("user", "a\ud83d"),))
    script = lines(Completion(said("assistant", "Yes.")))
    async with FakeLLM(script) as server, asking(server, "openai") as provider:
        await provider.complete(torn)
    assert server.asked[0].body["messages"][0]["content"] == "a?"


def test_an_error_that_says_nothing_says_so() -> None:
    talk = (Message("user", (ToolResult("t1", "", is_error=True), ToolResult("t2", ""))),)
    content = messages(replace(PLAIN, messages=talk), False)["messages"][0]["content"]
    assert [each["content"] for each in content] == ["It failed.", ""]
