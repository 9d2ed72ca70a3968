"""What goes wrong on a wire becomes a ProviderError: with its reason, and without the key."""

from __future__ import annotations

import asyncio
import json
import traceback
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from tests.llm.asking import HELLO, KEY, Bytes, asking, format_named, given, impatient, recorded
from tests.services.fake_llm import SILENCE, FakeLLM, Line, Raw, events, lines, refusal
from xml_pipeline.llm.base import Completion, Delta, Hear, TextDelta, Usage, deltas, said, unheard
from xml_pipeline.llm.errors import ProviderError, Reason, reason_of
from xml_pipeline.llm.wire.patience import Patience
from xml_pipeline.llm.wire.retry_after import asked_delay

WIRES = pytest.mark.parametrize("plugin", ["anthropic", "openai"])
BRIEF = 0.05
WORDS = Completion(said("assistant", "Well then."), Usage(3, 2), model="m")


def heard(delta: Delta) -> None:
    """Hear, and do nothing about it."""


async def failure(plugin: str, line: Line, hear: Hear = unheard) -> ProviderError:
    """Return how a provider fails at what a server says."""
    async with FakeLLM(lines(line)) as server, asking(server, plugin) as provider:
        with pytest.raises(ProviderError) as found:
            await provider.complete(HELLO, hear)
    return found.value


@pytest.mark.parametrize(
    ("status", "words", "reason"),
    [
        (401, "", "auth"),
        (403, "", "auth"),
        (404, "no such model", "invalid"),
        (408, "", "server"),
        (413, "Request exceeds the maximum size", "overflow"),
        (418, "", "unknown"),
        (422, "", "invalid"),
        (429, "", "rate_limit"),
        (500, "", "server"),
        (502, "", "server"),
        (503, "", "server"),
        (504, "", "server"),
        (522, "", "server"),
        (529, "", "server"),
        (400, "messages: roles must alternate", "invalid"),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", "overflow"),
        (400, "This model's maximum context length is 8192 tokens.", "overflow"),
        (400, "refused context_length_exceeded", "overflow"),
        (400, "Beyond the Context Window", "overflow"),
        (400, "too many tokens", "overflow"),
        (400, "Input is too long for the requested model", "overflow"),
        (400, "exceeds the model's maximum context", "overflow"),
        (400, "request too large", "overflow"),
        (400, "content too large", "overflow"),
        (400, "input length and `max_tokens` exceed context limit: 9 + 4 > 12", "overflow"),
        (400, "max_tokens: 9000 > 8192, the maximum of this model", "invalid"),
        (400, "`max_tokens` exceeds the context window", "invalid"),
        (400, "max_completion_tokens: too many tokens", "invalid"),
    ],
)
def test_a_refusal_has_a_reason(status: int, words: str, reason: Reason) -> None:
    assert reason_of(status, words) == reason


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "3", "retry-after-ms": "2500"}, 2.5),
        ({"retry-after": "Fri, 27 Nov 2026 12:01:30 GMT"}, 90.0),
        ({"retry-after": "Fri, 27 Nov 2026 12:01:30 -0000"}, 90.0),
        ({"retry-after": "Fri, 27 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
    ],
)
def test_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    with time_machine.travel(datetime(2026, 11, 27, 12, 0, tzinfo=UTC), tick=False):
        assert asked_delay(headers) == seconds


@WIRES
async def test_a_refusal_carries_what_the_server_says(plugin: str) -> None:
    body = {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow\n down."}}
    error = await failure(plugin, refusal(429, body, retry_after="12"))
    assert (error.reason, error.status, error.retry_after) == ("rate_limit", 429, 12.0)
    assert str(error) == f"{plugin}: Slow down. (HTTP 429)"


@WIRES
@pytest.mark.parametrize("hear", [unheard, heard], ids=["unheard", "heard"])
@pytest.mark.parametrize("status", [400, 401, 403, 500])
async def test_no_error_holds_the_key(plugin: str, hear: Hear, status: int) -> None:
    body = {"error": {"message": f"x-api-key: {KEY}, Bearer {KEY}"}}
    error = await failure(plugin, refusal(status, body), hear)
    shown = "".join(traceback.format_exception(error)) + repr(error)
    assert KEY not in shown
    assert error.__context__ is None


@WIRES
@pytest.mark.parametrize("status", [401, 403])
async def test_what_comes_with_a_refused_key_is_not_repeated(plugin: str, status: int) -> None:
    error = await failure(plugin, refusal(status, {"error": {"message": "sk-ab****yz is wrong"}}))
    assert error.reason == "auth"
    assert "sk-ab" not in str(error)


@WIRES
@pytest.mark.parametrize("hear", [unheard, heard], ids=["unheard", "heard"])
async def test_a_server_that_is_not_there_is_a_network_error(plugin: str, hear: Hear) -> None:
    async with FakeLLM(lines()) as server:
        pass
    async with asking(server, plugin) as provider:
        with pytest.raises(ProviderError) as found:
            await provider.complete(HELLO, hear)
    assert found.value.reason == "network"
    assert found.value.__context__ is None


@WIRES
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>Bad Gateway</html>", b"[]", b"{}", b'{"choices": []}', b"[" * 100_000],
    ids=["empty", "html", "list", "object", "no choices", "deep"],
)
async def test_a_reply_that_is_none_may_be_asked_for_again(plugin: str, body: bytes) -> None:
    error = await failure(plugin, Raw((body,)))
    assert error.reason == "server"


@WIRES
async def test_a_redirection_is_not_followed_with_the_key(plugin: str) -> None:
    moved = Raw((), 308, headers={"location": "http://elsewhere.invalid/"})
    error = await failure(plugin, moved)
    assert (error.reason, error.status) == ("unknown", 308)


@WIRES
async def test_a_server_that_need_not_stream_is_heard_all_the_same(plugin: str) -> None:
    words: list[Delta] = []
    body = {
        "anthropic": {"content": [{"type": "text", "text": "Well."}]},
        "openai": {"choices": [{"message": {"content": "Well."}, "finish_reason": "stop"}]},
    }[plugin]
    whole = Raw((json.dumps(body).encode(),))
    async with FakeLLM(lines(whole)) as server, asking(server, plugin) as provider:
        completion = await provider.complete(HELLO, words.append)
    assert completion.message == said("assistant", "Well.")
    assert words == [TextDelta("Well.")]


async def test_an_error_in_the_middle_of_a_stream_is_one_and_tells_what_was_spent() -> None:
    words: list[Delta] = []
    error = await failure("anthropic", events(recorded("anthropic_overloaded.sse")), words.append)
    assert (error.reason, error.status, error.usage) == ("server", 529, Usage(25, 1))
    assert str(error) == "anthropic: Overloaded (HTTP 529)"
    assert words == [TextDelta("The answer is")]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("rate_limit_error", "rate_limit"),
        ("api_error", "server"),
        ("timeout_error", "server"),
        ("authentication_error", "auth"),
        ("invalid_request_error", "invalid"),
        ("request_too_large", "overflow"),
        ("brand_new_error", "server"),
    ],
)
async def test_an_error_in_a_stream_of_messages_has_its_reason(kind: str, reason: Reason) -> None:
    line = f'data: {{"type": "error", "error": {{"type": "{kind}", "message": "No."}}}}\n\n'
    assert (await failure("anthropic", events(line.encode()), heard)).reason == reason


@pytest.mark.parametrize("hear", [unheard, heard], ids=["unheard", "heard"])
@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"error": {"code": 429, "message": "Slower."}, "choices": []}, "rate_limit"),
        ({"error": {"code": "server_error", "message": "Gone."}, "choices": []}, "server"),
        ({"error": "No."}, "server"),
        (
            {"choices": [{"error": {"code": 503, "message": "x"}, "finish_reason": "error"}]},
            "server",
        ),
        (
            {
                "error": {
                    "code": 400,
                    "message": "Provider returned error",
                    "metadata": {"raw": "prompt is too long"},
                }
            },
            "overflow",
        ),
    ],
)
async def test_an_error_in_a_chat_that_had_status_200_is_one(
    hear: Hear, part: dict[str, Any], reason: Reason
) -> None:
    text = json.dumps(part)
    whole, streamed = Raw((text.encode(),)), events(f"data: {text}\n\ndata: [DONE]\n\n".encode())
    line = whole if hear is unheard else streamed
    assert (await failure("openrouter", line, hear)).reason == reason


async def test_a_stream_without_a_choice_may_be_asked_for_again() -> None:
    error = await failure("openrouter", events(b"data: [DONE]\n\n"), heard)
    assert (error.reason, error.status) == ("server", 502)


@pytest.mark.parametrize(
    ("plugin", "name"), [("anthropic", "anthropic_thinking_and_call"), ("openai", "openai_words")]
)
@pytest.mark.parametrize("ending", ["cut", "whole"])
async def test_a_truncated_stream_is_a_network_error(plugin: str, name: str, ending: Any) -> None:
    half = recorded(f"{name}.sse")[:-60]
    error = await failure(plugin, events(half, ending=ending), heard)
    assert error.reason == "network"


async def test_a_stream_that_stays_open_after_its_end_is_complete() -> None:
    stream = events(recorded("openai_words.sse"), ending="never")
    async with FakeLLM(lines(stream)) as server, asking(server, "openai") as provider:
        completion = await provider.complete(HELLO, heard)
    assert completion.message.text == "Grüezi!"


@pytest.mark.parametrize(
    ("line", "hear", "patience", "verdict"),
    [
        (SILENCE, heard, Patience(9, BRIEF, 60, 60), "no answer came for 0.05 seconds"),
        (SILENCE, unheard, Patience(9, 60, 60, BRIEF), "the answer took longer than 0.05 seconds"),
        (
            events(b": still here\n\n", ending="never"),
            heard,
            Patience(9, 60, BRIEF, 60),
            "nothing more came for 0.05 seconds",
        ),
        (
            Raw((b"{",), ending="never"),
            unheard,
            Patience(9, 60, BRIEF, 60),
            "nothing more came for 0.05 seconds",
        ),
        (
            events(b": still here\n\n", ending="never"),
            heard,
            Patience(9, 60, 60, BRIEF),
            "the answer took longer than 0.05 seconds",
        ),
    ],
    ids=["first", "whole", "between", "between of a whole one", "total"],
)
async def test_nobody_waits_for_ever(
    line: Line, hear: Hear, patience: Patience, verdict: str
) -> None:
    async with FakeLLM(lines(line)) as server, impatient(server, patience) as provider:
        with pytest.raises(ProviderError) as found:
            await provider.complete(HELLO, hear)
    assert (found.value.reason, str(found.value)) == ("network", f"anthropic: {verdict}")


def test_who_grants_a_model_more_time_grants_it_more_silence() -> None:
    assert Patience.within(5.0) == Patience(5.0, 5.0, 5.0, 5.0)
    assert Patience.within(120.0) == Patience(10.0, 60.0, 60.0, 120.0)
    assert Patience.within(600.0) == Patience(10.0, 300.0, 300.0, 600.0)


@WIRES
async def test_whoever_stops_reading_hangs_up(plugin: str) -> None:
    stream = events(b": still here\n\n", ending="never")
    async with FakeLLM(lines(stream, WORDS)) as server, asking(server, plugin) as provider:
        call = asyncio.ensure_future(provider.complete(HELLO, heard))
        await server.began.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await server.hung_up.wait()
        assert await provider.complete(HELLO) == WORDS


@WIRES
async def test_connections_are_used_again(plugin: str) -> None:
    async with FakeLLM(lines(*[WORDS] * 4)) as server, asking(server, plugin) as provider:
        for hear in (unheard, heard, unheard, heard):
            await provider.complete(HELLO, hear)
        assert server.connections == 1


async def test_a_reply_without_end_is_given_up() -> None:
    endless = (b" " * 2**20 for _ in range(65))
    with pytest.raises(ProviderError, match="longer than"):
        await given(format_named("anthropic"), Bytes(endless, "application/json")).complete(HELLO)


async def test_an_iterator_that_is_left_stops_the_call() -> None:
    stream = recorded("openai_words.sse").split(b"\n\n")
    begun = events(*(each + b"\n\n" for each in stream[:2]), ending="never")
    async with FakeLLM(lines(begun)) as server, asking(server, "openai") as provider:
        answer = deltas(provider, HELLO)
        assert await anext(answer) == TextDelta("Grüezi")
        await answer.aclose()  # type: ignore[attr-defined]  # it is a generator
        await server.hung_up.wait()
        assert len(server.asked) == 1
