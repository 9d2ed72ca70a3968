"""What a model is shown of a result."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agents.answers import Answer, Answers, completion, cut_off
from tests.agents.conversations import anything
from xml_pipeline.agents.aside import Aside, Cost
from xml_pipeline.agents.cutting import cut, head, size
from xml_pipeline.agents.results import compressed, truncated, without_old_media
from xml_pipeline.llm.base import Audio, Image, Message, Text, ToolResult, Usage, said
from xml_pipeline.llm.errors import ProviderError

LONG = ToolResult("1", "word " * 100)
any_text = st.text(max_size=80) | st.text("aé€😀\ud83d", max_size=80)


@given(any_text, st.integers(0, 60))
def test_a_cut_text_is_a_beginning_that_the_limit_holds(text: str, limit: int) -> None:
    kept = head(text, limit)
    assert text.startswith(kept)
    assert size(kept) <= limit
    following = text[len(kept) : len(kept) + 1]
    assert not following or size(kept + following) > limit


@given(any_text, st.integers(0, 60))
def test_a_truncated_result_says_how_many_bytes_are_missing(text: str, limit: int) -> None:
    shown = truncated(text, limit)
    if size(text) <= limit:
        assert shown == text
    else:
        kept = head(text, limit)
        missing = size(text) - size(kept)
        assert shown == f"{kept}\n\n[truncated: {missing} bytes omitted]"


@given(any_text, st.integers(0, 60))
def test_a_cut_with_its_mark_is_never_above_the_limit(text: str, limit: int) -> None:
    assert size(cut(text, limit, "[pruned: {} bytes omitted]")) <= limit


def test_the_mark_of_a_cut_says_how_many_bytes_are_missing() -> None:
    assert cut("x" * 100, 40, "[{} left out]") == "x" * 26 + "[74 left out]"


def test_without_a_limit_a_result_stays_whole() -> None:
    assert truncated("x" * 100_000, None) == "x" * 100_000


async def test_a_long_result_is_shortened_by_a_model() -> None:
    answers = Answers(["  the gist  "])
    short, cost = await compressed(Aside(answers, "m"), LONG, 100, 3000)
    assert short == ToolResult("1", "the gist\n\n[compressed from 500 bytes]")
    assert cost == Cost(Usage(input=10, output=1), 0.5)
    assert answers.asked[0].max_tokens == 1000
    assert answers.asked[0].messages == (said("user", LONG.content),)


async def test_a_shortened_result_may_take_256_tokens_at_least() -> None:
    answers = Answers(["the gist"])
    await compressed(Aside(answers, "m"), LONG, 100, 300)
    assert answers.asked[0].max_tokens == 256


@pytest.mark.parametrize("answer", ["", " \n", cut_off("half of it"), completion("w" * 490)])
async def test_a_result_stays_where_the_model_does_not_shorten_it(answer: Answer) -> None:
    kept, cost = await compressed(Aside(Answers([answer]), "m"), LONG, 100, 300)
    assert kept == LONG
    assert cost.usage.total == 11


async def test_a_model_that_fails_is_counted_and_leaves_the_result() -> None:
    failing = Answers([ProviderError("server", "down", usage=Usage(input=7), usd=0.25)])
    assert await compressed(Aside(failing, "m"), LONG, 100, 300) == (
        LONG,
        Cost(Usage(input=7), 0.25),
    )


@pytest.mark.parametrize(
    ("result", "over"),
    [(LONG, None), (LONG, 500), (ToolResult("1", LONG.content, is_error=True), 100)],
)
async def test_no_model_is_asked_about_errors_and_short_results(
    result: ToolResult, over: int | None
) -> None:
    nobody = Answers([])
    assert await compressed(Aside(nobody, "m"), result, over, 300) == (result, Cost())
    assert nobody.asked == []


@given(st.lists(anything, max_size=6))
def test_media_stay_in_the_last_user_message_only(messages: list[Message]) -> None:
    shown = without_old_media(messages)
    users = [index for index, each in enumerate(messages) if each.role == "user"]
    for index, (before, after) in enumerate(zip(messages, shown, strict=True)):
        assert before.role == after.role
        if users and index == users[-1]:
            assert after == before
        else:
            assert not any(isinstance(each, Image | Audio) for each in after.blocks)


def test_words_stand_in_place_of_a_picture_that_was_seen() -> None:
    first = Message("user", (Text("what is it?"), Image("image/png", "aGk=")))
    first, *_ = without_old_media((first, said("assistant", "a cat"), said("user", "sure?")))
    assert first.blocks == (Text("what is it?"), Text("[image image/png, seen before]"))
