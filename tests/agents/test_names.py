"""A misspelt name is repaired where it is clear what was meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from xml_pipeline.agents.names import meant

TOOLS = ("bash", "read_file", "write_file", "websearch")


@pytest.mark.parametrize(
    ("name", "tool"),
    [
        ("bsh", "bash"),
        ("bash", "bash"),
        ("reed_fil", "read_file"),
        ("readfile", "read_file"),
        ("web_search", "websearch"),
        ("bashhhh", None),  # three letters too many
        ("reafil", None),
        ("delete_everything", None),
        ("", None),
    ],
)
def test_two_letters_may_be_wrong_but_not_three(name: str, tool: str | None) -> None:
    assert meant(name, TOOLS) == tool


def test_of_two_names_that_are_as_near_none_is_meant() -> None:
    assert meant("cat", ("bat", "hat")) is None
    assert meant("cat", ("bat", "hat", "cat")) == "cat"
    assert meant("batt", ("bat", "hat")) == "bat"


def test_a_name_of_which_nothing_is_left_was_not_meant() -> None:
    assert meant("ls", ("cp",)) is None
    assert meant("rd", ("read",)) == "read"


short = st.text("abc", max_size=5)


@given(short, st.sets(short, max_size=5))
def test_what_was_meant_is_the_only_nearest(name: str, known: set[str]) -> None:
    found = meant(name, known)
    if found is not None:
        distance = Levenshtein.distance(name, found)
        assert distance <= 2
        assert all(Levenshtein.distance(name, each) > distance for each in known - {found})


def test_where_nothing_is_offered_nothing_was_meant() -> None:
    assert meant("bash", ()) is None
