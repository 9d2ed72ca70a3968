"""What a model is shown of a long conversation, and what the limits hold."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.agents.conversations import answered, anything, conversations, sides_take_turns
from xml_pipeline.agents.context.groups import grouped
from xml_pipeline.agents.context.pruning import pruned
from xml_pipeline.agents.context.strategies import shown
from xml_pipeline.agents.context.window import window
from xml_pipeline.agents.cutting import size
from xml_pipeline.config import ContextConfig
from xml_pipeline.llm.base import (
    Message,
    Text,
    ToolCall,
    ToolResult,
    alternating,
    said,
)
from xml_pipeline.llm.tokens import of_messages

TASK = said("user", "Find it.")


def pair(number: int, content: str = "found") -> tuple[Message, Message]:
    call = ToolCall(str(number), "look", {})
    return Message("assistant", (call,)), Message("user", (ToolResult(call.id, content),))


def long(turns: int, content: str = "x" * 400) -> tuple[Message, ...]:
    return (TASK, *(each for number in range(turns) for each in pair(number, content)))


@given(conversations(), st.integers(1, 400))
def test_a_window_begins_with_the_task_and_breaks_nothing(
    messages: tuple[Message, ...], most: int
) -> None:
    seen = window(messages, most)
    assert seen[0] == messages[0]
    assert sides_take_turns(seen)
    assert answered(seen)
    assert of_messages(seen) <= max(most, of_messages(grouped(messages)[0]))


@given(st.lists(anything, max_size=8), st.integers(1, 400))
def test_whatever_the_messages_are_the_sides_of_a_window_take_turns(
    messages: list[Message], most: int
) -> None:
    roles = [each.role for each in window(messages, most)]
    assert all(one != other for one, other in pairwise(roles))


@given(conversations(), st.integers(1, 400))
def test_a_window_leaves_out_what_is_older_never_what_is_newer(
    messages: tuple[Message, ...], most: int
) -> None:
    seen = window(messages, most)
    left_out = [index for index, each in enumerate(messages) if not any(each is s for s in seen)]
    kept_results = [
        index
        for index, each in enumerate(messages)
        if any(each is s for s in seen) and any(isinstance(b, ToolResult) for b in each.blocks)
    ]
    assert all(each > max(left_out, default=0) for each in kept_results)


@given(conversations())
def test_a_window_that_holds_everything_shows_everything(messages: tuple[Message, ...]) -> None:
    assert window(messages, of_messages(messages)) == messages


def test_a_pair_that_does_not_fit_whole_is_left_out_whole() -> None:
    messages = long(3)
    two = of_messages((TASK, *messages[3:]))
    assert window(messages, two) == (TASK, *messages[3:])
    assert window(messages, two - 1) == (TASK, *messages[5:])


def test_a_task_that_alone_is_too_long_is_sent_alone() -> None:
    assert window(long(3), 1) == (TASK,)


def test_what_was_asked_last_stays_in_sight() -> None:
    again = said("assistant", "Here."), said("user", "And the other one?")
    messages = (*long(2), *again, *long(9)[1:])
    seen = window(messages, of_messages((TASK, *again, *messages[-4:])))
    assert seen == (TASK, *again, *messages[-4:])


def test_nothing_is_made_of_nothing() -> None:
    assert window((), 5) == ()
    assert pruned((), 2, 10).messages == ()


@given(conversations(), st.integers(1, 3), st.integers(1, 60))
def test_old_results_keep_to_their_limit_and_nothing_else_changes(
    messages: tuple[Message, ...], keep_recent: int, limit: int
) -> None:
    view = pruned(messages, keep_recent, limit)
    old = len(messages) - 2 * keep_recent
    saved = 0
    for index, (before, after) in enumerate(zip(messages, view.messages, strict=True)):
        assert after.role == before.role
        for was, block in zip(before.blocks, after.blocks, strict=True):
            if not isinstance(was, ToolResult) or index >= old:
                assert block == was
            else:
                assert isinstance(block, ToolResult)
                assert size(block.content) <= limit
                assert block.call_id == was.call_id
                saved += size(was.content) - size(block.content)
    assert view.saved == saved


def test_a_pruned_result_says_how_much_is_missing() -> None:
    view = pruned(long(4), 2, 200)
    assert view.messages[5:] == long(4)[5:]
    cut = "x" * 173 + "[pruned: 227 bytes omitted]"
    assert view.messages[2].blocks == (ToolResult("0", cut),)
    assert (view.results, view.saved) == (2, 400)


def test_without_a_limit_old_results_stay() -> None:
    assert pruned(long(9), 1, None).messages == long(9)


def test_each_strategy_shows_what_it_says() -> None:
    messages = long(6)
    assert shown(messages, ContextConfig(max_tokens=50)).messages == messages
    assert shown(messages, ContextConfig(strategy="summarize", max_tokens=50)).messages == messages
    narrow = ContextConfig(strategy="window", max_tokens=150)
    assert shown(messages, narrow).messages == window(messages, 150) != messages
    assert shown(messages, narrow, besides=99).messages == window(messages, 51)


def test_results_are_pruned_before_the_window_is_filled() -> None:
    messages = long(6)
    config = ContextConfig(strategy="window", max_tokens=400, prune_results_over=40, keep_recent=1)
    view = shown(messages, config)
    assert len(window(messages, 400)) < len(view.messages) == len(messages)
    assert view.results == 5


@given(conversations())
def test_groups_are_the_whole_conversation(messages: tuple[Message, ...]) -> None:
    first, groups = grouped(messages)
    assert first + sum(groups, ()) == alternating(messages)
    assert all(each[0].role == "assistant" for each in groups)


def test_words_besides_results_are_no_new_request() -> None:
    call, result = pair(7)
    reflected = Message("user", (*result.blocks, Text("Is that right?")))
    messages = (TASK, call, reflected, *long(4)[1:])
    assert reflected not in window(messages, of_messages(long(4)))
