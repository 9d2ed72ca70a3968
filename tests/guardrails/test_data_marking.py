"""What functions return is marked as data."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xml_pipeline.errors import ConfigError
from xml_pipeline.guarding import ALLOWED, Called, Outcome, Piece
from xml_pipeline.guardrails.data_marking import NOTICE, configured, marked


@given(st.text())
def test_no_text_closes_its_own_mark(text: str) -> None:
    once = marked(text)
    mark = re.fullmatch(r"<data mark=(\w{16})>\n.*", once, re.DOTALL)
    assert mark
    assert once == f"<data mark={mark[1]}>\n{text}\n</data mark={mark[1]}>"
    assert mark[1] not in text
    within = marked(once)
    assert within.count(f"</data mark={mark[1]}>") == 1
    assert not within.endswith(f"</data mark={mark[1]}>")


def test_a_result_is_marked_alike_whenever_it_is_replayed() -> None:
    assert marked("same \ud83d") == marked("same \ud83d")


async def test_results_are_marked_and_errors_too() -> None:
    for is_error in (False, True):
        shown, verdict = await configured({}).after_tool(
            Called("fetch", {}), Outcome("words", is_error)
        )
        assert (shown, verdict) == (Outcome(marked("words"), is_error), ALLOWED)


@pytest.mark.parametrize(("system", "shown"), [("Look.", f"Look.\n\n{NOTICE}"), ("", NOTICE)])
async def test_the_model_is_told_what_marks_mean(system: str, shown: str) -> None:
    asked = Piece("user", "Hi.")
    pieces, _ = await configured({}).before_model((Piece("system", system), asked))
    assert pieces == (Piece("system", shown), asked)


def test_it_has_no_settings() -> None:
    with pytest.raises(ConfigError, match="`level`"):
        configured({"level": 1})
