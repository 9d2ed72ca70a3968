"""The likeliest functions are offered, where there are too many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agents.conversations import conversations, names
from xml_pipeline.agents.selection import selected
from xml_pipeline.llm.base import Function, Message, ToolCall, said

MANY = tuple(
    Function(name, about, {"type": "object"})
    for name, about in {
        "bash": "Runs a command in a shell.",
        "read_file": "Reads a file.",
        "weather": "Tells the weather of a city.",
        "translate": "Puts a text into another language.",
        "__respond__": "Gives the final answer.",
    }.items()
)


def offered(limit: int | None, *messages: Message) -> list[str]:
    return [each.name for each in selected(MANY, messages, limit, ("__respond__",))]


def test_what_the_words_are_about_is_offered() -> None:
    asked = said("user", "What will the WEATHER be in this city?")
    assert offered(2, asked) == ["weather", "__respond__"]


def test_what_was_called_last_is_kept() -> None:
    called = Message("assistant", (ToolCall("1", "translate", {}),))
    asked = said("user", "What will the weather be?")
    assert offered(2, asked, called, said("user", "done")) == ["translate", "__respond__"]
    assert offered(3, asked, called, said("user", "done")) == [
        "weather",
        "translate",
        "__respond__",
    ]


def test_the_task_counts_however_long_ago_it_was_set() -> None:
    later = [said("assistant", "a"), said("user", "b")] * 4
    assert offered(2, said("user", "translate this"), *later) == ["translate", "__respond__"]


@pytest.mark.parametrize("limit", [None, 5, 6])
def test_where_they_are_few_enough_all_are_offered(limit: int | None) -> None:
    assert len(offered(limit, said("user", "x"))) == len(MANY)


def test_short_words_say_nothing() -> None:
    assert offered(1, said("user", "a is in sh")) == ["__respond__"]
    assert offered(2, said("user", "a is in to")) == ["bash", "__respond__"]


functions = st.lists(st.builds(Function, names, names, st.just({})), max_size=9)


@given(functions, conversations(), st.integers(1, 6), st.sets(names, max_size=2))
def test_the_limit_holds_the_order_stays_and_some_are_never_left_out(
    functions: list[Function], messages: tuple[Message, ...], limit: int, always: set[str]
) -> None:
    functions = list({each.name: each for each in functions}.values())
    chosen = selected(functions, messages, limit, always)
    fixed = [each for each in functions if each.name in always]
    assert len(chosen) == min(len(functions), max(limit, len(fixed)))
    assert set(map(id, fixed)) <= set(map(id, chosen))
    assert list(chosen) == [each for each in functions if each in chosen]
