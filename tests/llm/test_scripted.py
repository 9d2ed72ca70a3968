"""The scripted provider: what it answers is read off the request alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from xml_pipeline.config import LLMConfig
from xml_pipeline.errors import ConfigError
from xml_pipeline.llm.base import (
    Completion,
    Delta,
    Message,
    Request,
    Role,
    Text,
    TextDelta,
    ThinkingDelta,
    ToolCall,
    ToolResult,
    Usage,
    deltas,
    said,
)
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.llm.models import Models
from xml_pipeline.llm.script import Call, Reply
from xml_pipeline.testing import ScriptedProvider


def asked(*texts: str) -> Request:
    """Return a request whose messages take turns, the user first."""
    sides: tuple[Role, Role] = ("user", "assistant")
    messages = tuple(said(sides[index % 2], text) for index, text in enumerate(texts))
    return Request("any", messages)


def scripts(folder: Path) -> Models:
    return Models(LLMConfig(), folder, environment={})


async def test_the_lines_are_said_in_their_order_one_for_each_turn() -> None:
    provider = ScriptedProvider("First.", "Second.")
    assert (await provider.complete(asked("a"))).message == said("assistant", "First.")
    assert (await provider.complete(asked("a", "First.", "b"))).message.text == "Second."
    assert (await provider.complete(asked("another"))).message.text == "First."


async def test_a_script_that_is_at_its_end_says_so() -> None:
    with pytest.raises(ProviderError, match="nothing for turn 2: it has 1 in order") as refusal:
        await ScriptedProvider("Only.").complete(asked("a", "Only.", "b"))
    assert refusal.value.reason == "invalid"


async def test_a_rule_answers_whenever_it_fits_and_before_all_others() -> None:
    provider = ScriptedProvider(
        "Else.", Reply(when="rain", text="Wet."), Reply(when="/su+n$/", text="Dry.")
    )
    assert (await provider.complete(asked("Is there RAIN?"))).message.text == "Wet."
    assert (await provider.complete(asked("a", "b", "The suuun"))).message.text == "Dry."
    assert (await provider.complete(asked("a sunny day"))).message.text == "Else."


async def test_a_rule_looks_into_results_of_calls() -> None:
    provider = ScriptedProvider(Reply(when="42", text="Found."))
    result = Message("user", (ToolResult("call_0_0", "it is 42"),))
    completion = await provider.complete(Request("any", (*asked("a", "b").messages, result)))
    assert completion.message.text == "Found."


async def test_a_function_makes_what_it_wants_of_a_request_or_leaves_it() -> None:
    def shout(request: Request) -> str | None:
        text = request.messages[-1].text
        return text.upper() if text != "quiet" else None

    provider = ScriptedProvider(shout, Completion(said("assistant", "Hush."), model="owl"))
    assert (await provider.complete(asked("hello"))).message.text == "HELLO"
    hush = await provider.complete(asked("quiet"))
    assert (hush.message.text, hush.model) == ("Hush.", "owl")


async def test_what_is_said_is_heard_word_by_word_and_nothing_is_lost() -> None:
    text = "  Two  words,\nand a line. "
    heard = [each async for each in deltas(ScriptedProvider(Reply(text=text)), asked("a"))]
    words = [each.text for each in heard if isinstance(each, TextDelta)]
    assert (len(words), "".join(words)) == (6, text)
    assert heard[-1] == await ScriptedProvider(text).complete(asked("a"))


async def test_thoughts_words_and_calls_come_in_that_order() -> None:
    reply = Reply(thinking="Hm.", text="Look:", calls=(Call(name="see", arguments={"far": 1}),))
    heard: list[Delta] = []
    completion = await ScriptedProvider(reply).complete(asked("a"), heard.append)
    assert heard == [ThinkingDelta("Hm."), TextDelta("Look:")]
    assert completion.stop == "tool_use"
    assert completion.message.calls == (ToolCall("call_0_0", "see", {"far": 1}),)
    assert completion.message.blocks[1] == Text("Look:")


async def test_tokens_are_counted_as_told_or_else_estimated() -> None:
    told = await ScriptedProvider(Reply(text="a", usage=Usage(7, 8))).complete(asked("a"))
    guessed = await ScriptedProvider("four four").complete(asked("four"))
    assert (told.usage, guessed.usage) == (Usage(7, 8), Usage(5, 3))


async def test_an_error_comes_after_what_was_said() -> None:
    heard: list[Delta] = []
    reply = Reply(text="Half", error="network", retry_after=3.0, usage=Usage(1, 1))
    with pytest.raises(ProviderError) as failure:
        await ScriptedProvider(reply).complete(asked("a"), heard.append)
    assert heard == [TextDelta("Half")]
    assert (failure.value.reason, failure.value.retry_after) == ("network", 3.0)
    assert failure.value.usage == Usage(1, 1)


async def test_a_script_is_read_from_a_file_beside_the_organism(tmp_path: Path) -> None:
    (tmp_path / "plays").mkdir()
    (tmp_path / "plays" / "ada.yaml").write_text(
        "- calls: [{name: search, arguments: {query: weather}}]\n"
        "- text: It will rain.\n"
        "  usage: {input: 3, output: 4}\n"
        "- {when: /sun|moon/, error: rate_limit, retry_after: 2.0}\n"
    )
    for address in ("scripted:plays/ada", "scripted:plays/ada.yaml"):
        provider = scripts(tmp_path).provider(address)
        first = await provider.complete(asked("a"))
        assert first.message.calls[0].arguments == {"query": "weather"}
        second = await provider.complete(asked("a", "b", "c"))
        assert (second.message.text, second.usage) == ("It will rain.", Usage(3, 4))


def test_everything_that_is_wrong_with_a_script_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        "- txet: Hello\n- {when: /(/, text: b}\n- usage: {input: many}\n- error: nothing\n"
    )
    with pytest.raises(ConfigError) as refusal:
        scripts(tmp_path).provider("scripted:bad")
    told = [each.removeprefix(f"{tmp_path / 'bad.yaml'}:") for each in refusal.value.problems]
    assert told[0] == '1:3: [0].txet: unknown key; did you mean "text"?'
    assert told[1].startswith("2:10: [1].when: /(/ is no regular expression")
    assert told[2].startswith("3:10: [2].usage: counts tokens, in whole numbers: input, output")
    assert told[3].startswith("4:10: [3].error: ")


@pytest.mark.parametrize(
    ("text", "problem"), [("a: 1", "a script is a list of replies"), ("- {text: ${X}}", "quotes")]
)
def test_what_is_no_script_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ConfigError, match=problem):
        scripts(tmp_path).provider("scripted:bad")


@pytest.mark.virtual_clock
async def test_a_delay_is_waited_for() -> None:
    loop = asyncio.get_running_loop()
    await ScriptedProvider(Reply(text="Late.", delay=5.0)).complete(asked("a"))
    assert loop.time() == 5.0
