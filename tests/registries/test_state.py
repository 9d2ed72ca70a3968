"""State is plain data that bytes can carry, and comes back exactly as it was."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.flows.payloads import Note, Number, Result, Task
from xml_pipeline.errors import InvalidState
from xml_pipeline.journal.remembered import Remembered
from xml_pipeline.payload import RawPayload
from xml_pipeline.registries.state import DEEPEST, check, decode, encode, encode_change
from xml_pipeline.testing import Probe

CHARACTERS = st.characters() | st.characters(categories=["Cs"]) | st.sampled_from('$"\\\0\x1f')
TEXT = st.text(CHARACTERS, max_size=10)
XML_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0xD7FF), max_size=10)
RAW = RawPayload("Any", b'<Any x="&amp;">\xc3\xa4</Any>')
PAYLOADS = st.builds(Task, XML_TEXT) | st.builds(Result, XML_TEXT) | st.just(RAW)
KEYS = TEXT | st.sampled_from(["$", "$$", "$bytes", "$$tuple", "$payload", "$raw", "$float"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | TEXT
    | st.binary(max_size=10)
    | PAYLOADS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=12,
)
STATES: st.SearchStrategy[dict[str, Any]] = st.dictionaries(KEYS, VALUES, max_size=5)

KEEPER = Probe("keeper", Task, output=Result).listener


def told(state: Any, limit: int = 1_000) -> str:
    """Return why a state is refused."""
    with pytest.raises(InvalidState) as caught:
        check(state, limit, KEEPER)
    return str(caught.value)


def types(value: Any) -> Any:
    """Return what a value is made of, so that 1, 1.0 and True differ, and NaN equals itself."""
    if isinstance(value, dict):
        return dict, [(key, types(each)) for key, each in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [types(each) for each in value]
    if isinstance(value, float):
        return float, math.isnan(value) or math.copysign(1, value), str(value)
    return type(value), value


@given(STATES)
def test_whatever_is_plain_comes_back_as_it_was_in_type_value_and_order(
    state: dict[str, Any],
) -> None:
    check(state, 1_000_000, KEEPER)
    assert types(decode(encode(state, KEEPER.payload), KEEPER.payload)) == types(state)


@given(STATES)
def test_the_same_state_always_gives_the_same_bytes(state: dict[str, Any]) -> None:
    data = encode(state, KEEPER.payload)
    assert encode(decode(data, KEEPER.payload), KEEPER.payload) == data


@st.composite
def changed(draw: st.DrawFn, before: dict[str, Any]) -> dict[str, Any]:
    """Draw a state that another one has become: some of it is gone, longer, different, or new."""
    after = dict(before)
    for key in before:
        fate = draw(st.sampled_from(["stays", "grows", "goes", "is another"]))
        if fate == "grows" and isinstance(after[key], str):
            after[key] += draw(TEXT)
        elif fate == "goes":
            del after[key]
        elif fate == "is another":
            after[key] = draw(VALUES)
    return after | draw(STATES)


@given(st.data(), st.integers(1, 4))
def test_a_state_and_what_has_changed_of_it_add_up_to_what_it_has_become(
    data: st.DataObject, changes: int
) -> None:
    state, remembered = data.draw(STATES), Remembered()
    remembered.begin(encode(state, KEEPER.payload))
    for _ in range(changes):
        before, state = state, data.draw(changed(state))
        change = encode_change(before, state, KEEPER.payload)
        if change is None:  # What went has come again, behind the others.
            remembered.begin(encode(state, KEEPER.payload))
        elif change:
            remembered.change(change)
        if data.draw(st.booleans()):
            assert remembered.data == encode(state, KEEPER.payload)
    assert remembered.data == encode(state, KEEPER.payload)


def test_of_what_only_grows_no_more_is_written_than_what_it_has_grown_by() -> None:
    long = "said " * 10_000
    before, after = {"said": long, "run": 1}, {"said": f"{long}more", "run": 1}
    assert encode_change(before, after, KEEPER.payload) == b'[{},{"said":"more"},[]]'
    assert encode_change(after, dict(after), KEEPER.payload) == b""


def test_a_state_in_another_order_is_written_anew() -> None:
    assert encode_change({"a": 1, "b": 2}, {"b": 2, "a": 1}, KEEPER.payload) is None


@pytest.mark.parametrize(
    "change",
    [b"", b"[]", b"\xff", b"[{},{},[1]]", b'[{},{"a":"x"},[]]', b"[1,2,3]", b"[" * 100_000],
    ids=["nothing", "empty", "no text", "no key", "no text to add to", "no objects", "too deep"],
)
def test_what_no_change_can_be_is_refused(change: bytes) -> None:
    remembered = Remembered()
    remembered.begin(b'{"a":1}')
    remembered.change(change)
    with pytest.raises(InvalidState):
        remembered.data  # noqa: B018  reading it is the test


@given(st.binary(max_size=40) | st.text(alphabet='{}[]"$:,1bytesraw', max_size=30).map(str.encode))
def test_bytes_of_others_are_read_or_refused_and_nothing_else(data: bytes) -> None:
    try:
        state = decode(data, KEEPER.payload)
    except InvalidState:
        return
    assert isinstance(state, dict)


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b'{"$bytes": "YQ=="}',
        b'{"a": {"$bytes": "?"}}',
        b'{"a": {"$python": "os"}}',
        b'{"a": {"$bytes": "YQ==", "$int": "0x1"}}',
        b'{"a": {"$payload": "<Note><text>x</text></Note>"}}',
        b'{"a": {"$payload": "<Task/>"}}',
        b'{"a": {"$payload": "<Task"}}',
        b'{"a": {"$payload": 1}}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_what_no_state_can_be_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidState):
        decode(data, KEEPER.payload)


def test_what_is_not_plain_is_refused_by_its_key_with_what_to_do_instead() -> None:
    said = told({"fine": 1, "seen": {1, 2}})
    assert said.startswith("state['seen'] is or holds a set: keep ")


@pytest.mark.parametrize(
    "value", [date(2026, 1, 1), object(), [print], ({"a": {1}},), Note, type("Text", (str,), {})()]
)
def test_nothing_but_plain_data_is_kept(value: object) -> None:
    assert told({"it": value}).startswith("state['it'] is or holds a ")


@pytest.mark.parametrize("state", [{3: 1}, {"it": {3: 1}}, {"it": [{None: 1}]}])
def test_a_key_is_text_at_every_depth(state: Any) -> None:
    assert "has a key that is no str but" in told(state)


def test_what_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert f"more than {DEEPEST} deep, or holds itself" in told({"it": endless})


def test_a_payload_that_the_listener_does_not_declare_could_not_be_read_back() -> None:
    assert "<Note>, which this listener does not accept" in told({"it": Note("x")})
    check({"it": [Task("x"), Result("y")]}, 1_000, KEEPER)


def test_a_payload_that_cannot_be_written_is_refused() -> None:
    assert told({"it": Task("\0")}).startswith("state['it'] ")
    assert told({"it": RawPayload("Other", b"<Any/>")}).startswith("state['it'] ")
    assert told({"it": RawPayload("Any", b"<Any")}).startswith("state['it'] ")


def test_a_state_that_is_too_large_is_refused_by_its_largest_key() -> None:
    check({"a": "x" * 400, "b": b"y" * 400, "n": 1}, 1_000, KEEPER)
    said = told({"a": "x" * 400, "b": "ä" * 400})
    assert "the state has 1202 bytes, more than the 1000 of limits.state_bytes" in said
    assert "state['b']" in said


@pytest.mark.parametrize("value", ["ä" * 600, b"x" * 1_001, 1 << 8_000, ["x" * 990, ""], [0] * 600])
def test_size_is_counted_in_bytes_whatever_has_it(value: object) -> None:
    assert "more than the 1000" in told({"it": value})


def test_other_payload_classes_of_the_same_name_are_other_classes() -> None:
    def lookup(tag: str) -> type:
        return Number

    with pytest.raises(InvalidState, match="does not accept"):
        encode({"it": Task("x")}, lookup)
