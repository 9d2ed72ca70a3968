"""An agent that goes round in circles is noticed."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agents.conversations import calls
from xml_pipeline.agents.doom import LONGEST, circle, fingerprint, objection, remembered
from xml_pipeline.llm.base import ToolCall

A, B, C, D = ((ToolCall("1", "look", {"at": each}),) for each in "abcd")


def after(*turns: tuple[ToolCall, ...], limit: int = 3) -> int:
    seen: tuple[str, ...] = ()
    for each in turns:
        seen = remembered(seen, each, limit)
    return circle(seen, limit)


@given(st.lists(calls, max_size=4), st.randoms())
def test_neither_order_nor_ids_make_calls_differ(asked: list[ToolCall], random: Random) -> None:
    other = [
        ToolCall("x", e.name, dict(reversed(list(e.arguments.items()))), e.malformed) for e in asked
    ]
    random.shuffle(other)
    assert fingerprint(other) == fingerprint(asked)


@pytest.mark.parametrize(
    "other",
    [
        (),
        (ToolCall("1", "look", {"at": "b"}),),
        (ToolCall("1", "find", {"at": "a"}),),
        (*A, *A),
        (ToolCall("1", "look", {}, malformed='{"at": "a"'),),
    ],
)
def test_other_calls_have_another_fingerprint(other: tuple[ToolCall, ...]) -> None:
    assert fingerprint(other) != fingerprint(A)


@pytest.mark.parametrize(
    ("turns", "period"),
    [
        ((A, A, A), 1),
        ((B, A, A, A), 1),
        ((A, A), 0),
        ((A, A, B, A, A), 0),
        ((A, B, A, B, A, B), 2),
        ((D, B, A, B, A, B, A), 2),
        ((A, B, A, B, A), 0),
        ((A, B, C) * 3, 3),
        ((A, B, C, A, B, C, A, B), 0),
        ((A, B, C, D) * 3, 0),
        ((), 0),
    ],
)
def test_three_times_the_same_is_a_circle(
    turns: tuple[tuple[ToolCall, ...], ...], period: int
) -> None:
    assert after(*turns) == period


def test_one_turn_repeats_nothing_however_low_the_limit() -> None:
    assert after(A, limit=1) == 0
    assert after(A, A, limit=1) == 1


def test_without_a_limit_anything_may_be_asked_again() -> None:
    assert circle(("a",) * 50, None) == 0


@given(st.lists(st.sampled_from((A, B, C, D)), max_size=30), st.integers(1, 4))
def test_what_is_forgotten_does_not_matter(turns: list[tuple[ToolCall, ...]], limit: int) -> None:
    everything = [fingerprint(each) for each in turns]
    assert after(*turns, limit=limit) == circle(everything, limit)


def test_no_more_is_remembered_than_can_matter() -> None:
    seen: tuple[str, ...] = ()
    for _ in range(50):
        seen = remembered(seen, A, 3)
    assert len(seen) == LONGEST * 3


def test_the_model_is_told_to_try_something_else() -> None:
    assert "the same calls again" in objection(1)
    assert "the same 2 turns of calls" in objection(2)
