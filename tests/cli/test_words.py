"""Whatever people write for a payload becomes the one thing that it can mean."""

from __future__ import annotations

import pytest

from xml_pipeline.cli.exits import Misused
from xml_pipeline.cli.words import in_one_field, named

TEXT = {"type": "string"}
NUMBER = {"type": "integer"}


def payload(required: str = "", **fields: object) -> dict[str, object]:
    return {"properties": fields, "required": required.split()}


PAIR = payload("left right", left=NUMBER, right=NUMBER)
SAY = payload("text", text=TEXT, times=NUMBER)
NOTE = payload(note=TEXT)
EMPTY = payload()


def test_fields_go_to_the_first_payload_that_they_fit() -> None:
    schemas = {"Pair": PAIR, "Say": SAY, "Empty": EMPTY}
    assert named({"text": "a"}, schemas, "x") == {"Say": {"text": "a"}}
    assert named({"text": "a", "times": 2}, schemas, "x") == {"Say": {"text": "a", "times": 2}}
    assert named({"left": 1, "right": 2}, schemas, "x") == {"Pair": {"left": 1, "right": 2}}
    assert named({}, schemas, "x") == {"Empty": {}}


def test_a_payload_that_says_its_name_is_taken_at_its_word() -> None:
    assert named({"Pair": {"left": 1}}, {"Pair": PAIR}, "x") == {"Pair": {"left": 1}}


def test_a_field_may_be_called_as_its_payload_is() -> None:
    schemas = {"Say": payload("Say", Say=TEXT)}
    assert named({"Say": "a"}, schemas, "x") == {"Say": {"Say": "a"}}


@pytest.mark.parametrize("fields", [{"text": "a", "more": 1}, {"times": 2}, {"left": 1}])
def test_fields_that_fit_nothing_are_refused_with_what_there_is(fields: dict[str, object]) -> None:
    with pytest.raises(Misused, match="x accepts Pair, Say; these fields fit none"):
        named(fields, {"Pair": PAIR, "Say": SAY}, "x")


def test_a_text_goes_to_the_first_payload_that_needs_one_text_and_no_more() -> None:
    assert in_one_field("a", {"Pair": PAIR, "Say": SAY}, "x") == {"Say": {"text": "a"}}
    assert in_one_field("a", {"Note": NOTE, "Say": SAY}, "x") == {"Note": {"note": "a"}}


@pytest.mark.parametrize("schemas", [{}, {"Pair": PAIR}, {"Empty": EMPTY}])
def test_a_text_that_fits_nothing_is_refused_with_a_next_step(schemas: dict[str, object]) -> None:
    with pytest.raises(Misused, match="schema payload x --example"):
        in_one_field("a", schemas, "x")  # type: ignore[arg-type]  # schemas are plain data
