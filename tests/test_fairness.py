"""Turns: nobody waits behind somebody else's flood, and each one's own order is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from xml_pipeline.fairness import FairQueue
from xml_pipeline.thread import Conversation

Line = FairQueue[tuple[int, int]]
CONVERSATIONS = [Conversation(number, f"c{number}", "outside", "") for number in range(6)]

TALKS = [Conversation(number, f"c{number}", "ab"[number % 2], "") for number in range(6)]


def emptied(line: Line) -> list[tuple[int, int]]:
    return [line.take() for _ in range(len(line))]


def test_conversations_take_turns_breadth_first() -> None:
    line = Line()
    for item in range(3):
        line.put(CONVERSATIONS[0], (0, item))
    line.put(CONVERSATIONS[1], (1, 0))
    assert emptied(line) == [(0, 0), (1, 0), (0, 1), (0, 2)]


def test_the_only_message_of_one_waits_one_place_behind_ten_thousand_of_another() -> None:
    line = Line()
    for item in range(10_000):
        line.put(CONVERSATIONS[0], (0, item))
    line.put(CONVERSATIONS[1], (1, 0))
    assert [line.take(), line.take()] == [(0, 0), (1, 0)]


def test_depth_first_the_conversation_that_began_earliest_is_finished_first() -> None:
    line = Line(depth_first=True)
    for number in (2, 0, 1, 0, 2):
        line.put(CONVERSATIONS[number], (number, len(line)))
    assert emptied(line) == [(0, 1), (0, 3), (1, 2), (2, 0), (2, 4)]


@pytest.mark.parametrize("depth_first", [False, True])
def test_an_empty_queue_gives_nothing(depth_first: bool) -> None:
    with pytest.raises(IndexError):
        Line(depth_first).take()


@pytest.mark.parametrize("depth_first", [False, True])
def test_what_is_removed_comes_back_and_the_others_keep_their_order(depth_first: bool) -> None:
    line = Line(depth_first)
    for item in range(12):
        line.put(CONVERSATIONS[item % 3], (item % 3, item))
    gone = line.remove(lambda each: each[1] % 2 == 1 or each[0] == 2)
    assert sorted(gone) == [(0, 3), (0, 9), (1, 1), (1, 7), (2, 2), (2, 5), (2, 8), (2, 11)]
    kept = emptied(line)
    assert [each for each in kept if each[0] == 0] == [(0, 0), (0, 6)]
    assert [each for each in kept if each[0] == 1] == [(1, 4), (1, 10)]


@pytest.mark.parametrize("depth_first", [False, True])
def test_many_conversations_are_removed_in_time_in_proportion(depth_first: bool) -> None:
    class Counted(Conversation):
        """A conversation that counts how often it is compared."""

        __slots__ = ()
        compared = 0

        def __eq__(self, other: object) -> bool:
            Counted.compared += 1
            return self is other

        __hash__ = Conversation.__hash__

    line = Line(depth_first)
    for number in reversed(range(2_000)):
        line.put(Counted(number, f"c{number}", "outside", ""), (number, 0))
    assert len(line.remove(lambda _: True)) == 2_000
    assert Counted.compared < 20 * 2_000
    assert len(line) == 0


@pytest.mark.parametrize("depth_first", [False, True])
def test_ten_thousand_conversations_of_one_party_delay_anothers_by_one_place(
    depth_first: bool,
) -> None:
    line = Line(depth_first)
    for number in range(10_000):
        line.put(Conversation(number, f"c{number}", "ann", ""), (0, number))
    line.put(Conversation(10_000, "c", "bob", ""), (1, 0))
    line.put(Conversation(10_001, "d", "ann", "acme"), (2, 0))
    assert [line.take() for _ in range(4)] == [(0, 0), (1, 0), (2, 0), (0, 1)]
    assert (line.waiting("ann"), line.waiting("bob")) == (9_998, 0)


class Turns(RuleBasedStateMachine):
    """Against a plain model: the items of each conversation, and the turns of each party."""

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[int, list[tuple[int, int]]] = {}
        self.ring: list[str] = []
        self.turns: dict[str, list[int]] = {}
        self.line = Line(self.depth_first)
        self.count = 0

    depth_first = False

    def _enter(self, number: int) -> None:
        party = TALKS[number].party
        if party not in self.turns:
            self.turns[party] = []
            self.ring.append(party)
        self.turns[party].append(number)

    @rule(number=st.integers(0, 5))
    def put(self, number: int) -> None:
        self.count += 1
        item = (number, self.count)
        self.line.put(TALKS[number], item)
        if number not in self.model:
            self.model[number] = []
            self._enter(number)
        self.model[number].append(item)

    @precondition(lambda self: self.model)
    @rule()
    def take(self) -> None:
        party = self.ring.pop(0)
        turns = self.turns.pop(party)
        number = min(turns) if self.depth_first else turns[0]
        turns.remove(number)
        items = self.model.pop(number)
        assert self.line.take() == items.pop(0)
        if items:
            self.model[number] = items
            turns.append(number)
        if turns:
            self.turns[party] = turns
            self.ring.append(party)

    @rule(residue=st.integers(0, 2))
    def remove(self, residue: int) -> None:
        gone = self.line.remove(lambda item: item[1] % 3 == residue)
        expected = [
            item for items in self.model.values() for item in items if item[1] % 3 == residue
        ]
        assert sorted(gone) == sorted(expected)
        for number, items in list(self.model.items()):
            items[:] = [item for item in items if item[1] % 3 != residue]
            if not items:
                del self.model[number]
        for party, turns in list(self.turns.items()):
            turns[:] = [each for each in turns if each in self.model]
            if not turns:
                del self.turns[party]
                self.ring.remove(party)

    @invariant()
    def lengths_agree(self) -> None:
        assert len(self.line) == sum(map(len, self.model.values()))


class OldestFirst(Turns):
    """The same, depth-first."""

    depth_first = True


TestBreadthFirst = Turns.TestCase
TestDepthFirst = OldestFirst.TestCase


@given(st.lists(st.integers(0, 5), max_size=60), st.booleans())
def test_the_order_within_a_conversation_is_that_of_arrival(
    arrivals: list[int], depth_first: bool
) -> None:
    line = Line(depth_first)
    for item, number in enumerate(arrivals):
        line.put(CONVERSATIONS[number], (number, item))
    taken = emptied(line)
    for number in range(6):
        mine = [item for each, item in taken if each == number]
        assert mine == sorted(mine)
