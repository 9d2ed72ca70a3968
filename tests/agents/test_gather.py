"""The calls of a turn: each is read and written alone, and nothing of an earlier turn is left."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xml_pipeline.agents.functions import Part
from xml_pipeline.agents.gather import Call, Gather
from xml_pipeline.agents.run import Known
from xml_pipeline.listener import HandlerResponse


class Watched(dict[str, Any]):
    """A state that knows what was read of it and written to it."""

    def __init__(self, *about: Any) -> None:
        super().__init__(*about)
        self.touched: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.touched.add(key)
        return super().__getitem__(key)

    def __setitem__(self, key: str, value: object) -> None:
        self.touched.add(key)
        super().__setitem__(key, value)


def asked(*parts: int) -> list[Call]:
    """Return calls of the third turn of the first run, each with so many messages."""
    calls = []
    for number, size in enumerate(parts):
        call = Call(f"c{number}", "finder")
        for part in range(size):
            key = f"1.3.{number}.{part}"
            call.expect(key, Part(HandlerResponse(None, key=key)))
        calls.append(call)
    return calls


def kept(calls: list[Call]) -> Watched:
    """Return the state of a run that waits for these calls."""
    state = Watched()
    known = Known(state)
    known.run.number, known.run.turn, known.run.active = 1, 3, True
    known.calls = Gather(calls)
    known.keep()
    state.touched.clear()
    return state


def test_an_answer_to_one_of_hundreds_reads_and_writes_that_one() -> None:
    state = kept(asked(*[1] * 300))
    known = Known(state)
    call = known.calls.of("1.3.217.0")
    assert call is not None
    call.take("1.3.217.0", "It is there.", is_error=False)
    assert known.calls.waits
    known.keep()
    assert state.touched == {"calls", "call 217"}
    assert [each.content for each in Known(state).calls].index("It is there.") == 217


@given(st.lists(st.integers(1, 3), min_size=1, max_size=5), st.randoms())
def test_whatever_the_order_of_the_answers_all_are_in_when_none_is_waited_for(
    parts: list[int], random: Any
) -> None:
    state = kept(asked(*parts))
    keys = [f"1.3.{call}.{part}" for call, size in enumerate(parts) for part in range(size)]
    random.shuffle(keys)
    for left, key in zip(range(len(keys) - 1, -1, -1), keys, strict=True):
        known = Known(state)
        assert known.calls.parts == len(keys)
        call = known.calls.of(key)
        assert call is not None
        call.take(key, key, is_error=False)
        assert known.calls.waits == bool(left)
        assert known.calls.of(key) is None
        known.keep()
    assert [each.result.content.count("1.3.") for each in Known(state).calls] == parts


@pytest.mark.parametrize("key", ["1.3.2", "1.3.9.0", "1.2.0.0", "2.3.0.0", "1", "", "é.é.é", "1.0"])
def test_what_was_not_asked_in_this_turn_is_no_answer_to_it(key: str) -> None:
    assert Known(kept(asked(1, 1, 1))).calls.of(key) is None


def test_a_task_that_is_given_away_whole_is_one_call() -> None:
    call = Call("", "bob", hands_off=True)
    call.expect("4.0", Part(HandlerResponse(None, key="4.0")))
    assert Gather((call,)).of("4.0") is call


def test_of_an_earlier_turn_nothing_is_left() -> None:
    state = kept(asked(1, 1, 1))
    known = Known(state)
    known.calls = Gather(asked(1))
    known.keep()
    assert sorted(state) == ["call 0", "calls", "run"]
    known.calls = Gather()
    known.keep()
    assert sorted(state) == ["run"]
    assert len(Known(state).calls) == 0
