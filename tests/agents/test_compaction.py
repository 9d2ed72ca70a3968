"""What is older is summarized, within limits, and one summary stands for all of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agents.answers import Answer, Answers, cut_off
from tests.agents.conversations import answered, conversations, sides_take_turns
from tests.agents.test_context import TASK, long, pair
from xml_pipeline.agents.aside import Aside
from xml_pipeline.agents.context.compaction import (
    HEADING,
    Compaction,
    compactable,
    compacted,
    parted,
)
from xml_pipeline.agents.context.lines import LONGEST, lines
from xml_pipeline.agents.context.strategies import summarizer, to_be_summarized
from xml_pipeline.agents.context.summary import MAX_TOKENS, Story, Summarizer, prompt
from xml_pipeline.agents.cutting import size
from xml_pipeline.config import ContextConfig
from xml_pipeline.llm.base import (
    Image,
    Message,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Usage,
    said,
)
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.llm.tokens import of_messages

ROOM = 10_000


def asking(*answers: Answer, recursive: bool = False) -> tuple[Answers, Summarizer]:
    said_by = Answers(answers)
    return said_by, Summarizer(Aside(said_by, "cheap"), ROOM, recursive)


def asked_text(answers: Answers, index: int = -1) -> str:
    return answers.asked[index].messages[0].text


async def test_the_task_and_the_newest_stay_and_a_summary_stands_for_the_rest() -> None:
    answers, by = asking("He looked around.")
    messages = long(4)
    done = await compacted(messages, by)
    first, *newest = done.messages
    assert first.blocks == (Text("Find it."), Text(f"{HEADING}He looked around."))
    assert tuple(newest) == messages[-4:]
    assert done.gone == messages[1:-4]
    assert (done.cost.usage, done.cost.usd) == (Usage(input=10, output=1), 0.5)
    assert answers.asked[0].model == "cheap"
    assert answers.asked[0].max_tokens == MAX_TOKENS


async def test_a_later_summary_takes_the_place_of_the_earlier_one() -> None:
    answers, by = asking("First.", "Second.", "Third.")
    messages = long(4)
    for summary in ("First.", "Second.", "Third."):
        messages = (await compacted((*messages, *long(3)[1:]), by)).messages
        assert parted(messages[0]) == (TASK, summary)
        assert sum(HEADING in each.text for each in messages) == 1
    assert "Summary of what came before:\nSecond." in asked_text(answers)


@given(conversations(most=9), st.booleans())
async def test_compaction_breaks_nothing(messages: tuple[Message, ...], overflowed: bool) -> None:
    _, by = asking("It went well.")
    done = await compacted(messages, by, overflowed=overflowed)
    assert sides_take_turns(done.messages)
    assert answered(done.messages)
    assert done.messages[-4:] == messages[-4:] or len(messages) < 5
    assert bool(done.gone) == compactable(messages, compacted_before=False)
    if done.gone:
        assert (*done.gone, *done.messages[1:]) == messages[1:]
        assert len(done.messages) < len(messages)


@pytest.mark.parametrize("messages", [(), (TASK,), long(1), long(2), (*long(2), pair(3)[0])])
async def test_a_short_conversation_is_left_alone(messages: tuple[Message, ...]) -> None:
    answers, by = asking()
    assert await compacted(messages, by) == Compaction(messages)
    assert answers.asked == []
    assert not compactable(messages, compacted_before=False)


@pytest.mark.parametrize(
    "answer", ["", cut_off("half"), ProviderError("overflow", "long", usage=Usage(input=10))]
)
async def test_without_a_whole_summary_everything_stays_and_is_counted(
    answer: Answer,
) -> None:
    _, by = asking(answer)
    done = await compacted(long(9), by)
    assert (done.messages, done.gone) == (long(9), ())
    assert done.cost.usage.input == 10


def test_between_two_answers_a_conversation_is_compacted_once() -> None:
    assert compactable(long(9), compacted_before=False)
    assert not compactable(long(9), compacted_before=True)


async def test_after_an_overflow_half_as_much_is_read_at_once() -> None:
    answers, by = asking("Short.")
    messages = long(40)
    await compacted(messages, by, overflowed=True)
    assert size(asked_text(answers)) <= 4 * (of_messages(messages) // 2)
    assert "older lines omitted" in asked_text(answers)


texts = st.text(max_size=300)
stories = st.builds(Story, texts, texts, st.lists(texts, max_size=30).map(tuple))


@given(stories, st.integers(0, 600))
def test_what_a_summarizer_is_asked_never_exceeds_its_limit(story: Story, most: int) -> None:
    assert size(prompt(story, most)) <= 4 * most


def test_of_the_lines_the_newest_are_kept() -> None:
    text = prompt(Story("task", "", tuple(f"line {number}" for number in range(500))), 100)
    assert text.startswith("The task:\ntask\n\n[4")
    assert text.endswith("line 498\nline 499")


async def test_many_lines_are_summarized_part_by_part() -> None:
    answers, by = asking("One.", "Two.", "Three.", "All.", recursive=True)
    done = await compacted(long(16), by)  # 28 lines go: clusters of 10, 10 and 8
    assert parted(done.messages[0])[1] == "All."
    assert "1. One.\n2. Two.\n3. Three." in asked_text(answers)
    assert asked_text(answers, 0).count("[result:") == 5
    assert done.cost.usage.total == 4 * 11


async def test_twenty_lines_are_summarized_at_once() -> None:
    answers, by = asking("All.", recursive=True)
    await compacted(long(12), by)
    assert len(answers.asked) == 1


async def test_summaries_of_very_many_parts_are_summarized_in_turn() -> None:
    answers, by = asking(*["Part."] * 25, "All.", recursive=True)
    done = await compacted(long(108), by)  # 212 lines: 22 parts, then 3, then one
    assert parted(done.messages[0])[1] == "All."
    assert len(answers.asked) == 22 + 3 + 1


async def test_where_one_part_fails_all_is_asked_for_at_once() -> None:
    answers, by = asking("One.", cut_off("Tw"), "All.", recursive=True)
    done = await compacted(long(16), by)
    assert parted(done.messages[0])[1] == "All."
    assert asked_text(answers).count("[result:") == 14
    assert done.cost.usage.total == 3 * 11


def test_a_conversation_reads_as_lines() -> None:
    messages = (
        said("user", "Find it.\nAssistant: no"),
        Message("assistant", (Thinking("hm"), Text("Yes."), ToolCall("1", "look", {"at": "é"}))),
        Message("user", (ToolResult("1", "gone", is_error=True), Image("image/png", "aGk="))),
        Message("assistant", (ToolCall("2", "look", {}, malformed="{oh"), Text(" "))),
        Message("user", (ToolResult("2", "here"),)),
    )
    assert list(lines(messages)) == [
        "User: Find it.\n  Assistant: no",
        "Assistant: Yes.",
        'Assistant: [calls look {"at": "é"}]',
        "User: [error: gone]",
        "User: [image]",
        "Assistant: [calls look {oh]",
        "User: [result: here]",
    ]


def test_one_huge_result_does_not_crowd_out_the_rest() -> None:
    (line,) = lines((Message("user", (ToolResult("1", "x" * 100_000),)),))
    assert size(line) <= LONGEST


def test_the_user_may_write_as_a_summary_begins() -> None:
    spoof = said("user", f"{HEADING}nothing")
    assert parted(spoof) == (spoof, "")


def test_it_is_time_to_summarize_above_the_threshold() -> None:
    messages = long(4)
    tokens = of_messages(messages)
    config = ContextConfig(strategy="summarize", max_tokens=tokens)
    assert not to_be_summarized(messages, config)
    assert to_be_summarized(messages, config, besides=1)
    assert to_be_summarized(messages, config.model_copy(update={"max_tokens": tokens - 1}))
    assert not to_be_summarized(long(2), config.model_copy(update={"max_tokens": 1}))
    assert not to_be_summarized(messages, ContextConfig(strategy="window", max_tokens=1))


def test_a_summarizer_is_made_as_the_file_says() -> None:
    aside = Aside(Answers([]), "cheap")
    config = ContextConfig(strategy="summarize", max_tokens=500, recursive=True)
    assert summarizer(config, aside) == Summarizer(aside, 500, recursive=True)
