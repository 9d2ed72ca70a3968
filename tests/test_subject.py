"""Tokens that speak for a person: whose they are, and that they stay where they are."""

from __future__ import annotations

from copy import deepcopy

import pytest

from tests.mcp.exchanging import token_of
from xml_pipeline.subject import LONGEST, Subject, same_person, subject_of


def test_two_tokens_of_one_person_are_told_by_issuer_and_subject() -> None:
    ada, again, bob = (Subject(token_of(*each)) for each in (("ada", 1), ("ada", 2), ("bob",)))
    assert same_person(ada, again)
    assert not same_person(ada, bob)
    assert not same_person(ada, None)
    assert same_person(None, None)


@pytest.mark.parametrize(
    "token", ["opaque", "a.b.c", "e30.e30.e30", "a.W10.c", "a.eyJpc3MiOjEsInN1YiI6MX0.c"]
)
def test_a_token_that_says_nothing_is_the_same_person_only_as_itself(token: str) -> None:
    assert same_person(Subject(token), Subject(token))
    assert not same_person(Subject(token), Subject(f"{token}x"))


@pytest.mark.parametrize(
    "token",
    ["two words", "a\r\nb", "é", "a" * (LONGEST + 1)],
    ids=["two words", "two lines", "not ASCII", "too long"],
)
def test_what_no_header_can_carry_is_no_token(token: str) -> None:
    with pytest.raises(ValueError, match="visible ASCII"):
        Subject(token)


def test_no_token_is_nobody() -> None:
    assert subject_of("") is None


def test_a_token_is_neither_shown_nor_given_to_another_process() -> None:
    subject = Subject("canary")
    assert "canary" not in f"{subject} {subject!r}"
    with pytest.raises(TypeError):
        deepcopy(subject)
