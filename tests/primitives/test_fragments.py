"""XML text inside a payload is taken apart strictly."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.primitives.parts import TEXTS, words
from xml_pipeline.primitives.fragments import element, elements

BLANKS = st.text(alphabet=" \t\r\n", max_size=5)


@given(st.lists(st.tuples(TEXTS, BLANKS), max_size=8), BLANKS)
def test_each_element_comes_out_as_it_went_in(items: list[tuple[str, str]], lead: str) -> None:
    text = lead + "".join(f"{words(each)}{blank}" for each, blank in items)
    found = elements(text)
    assert [tag for tag, _ in found] == ["Word"] * len(items)
    assert [etree.fromstring(each)[0].text or "" for _, each in found] == [
        each for each, _ in items
    ]


@given(st.text(max_size=60))
def test_no_text_gives_what_are_no_elements(text: str) -> None:
    found: tuple[tuple[str, str], ...] = ()
    with suppress(ValueError):
        found = elements(text)
    assert all(etree.fromstring(each).tag == tag for tag, each in found)


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("<a/></fragments><fragments>", "not well-formed"),
        ("<a/></fragments>", "not well-formed"),
        ("<!DOCTYPE a [<!ENTITY x 'y'>]><a/>", "not well-formed"),
        ("<a>&x;</a>", "not well-formed"),
        ("<?php a?><a/>", "processing instructions"),
        ("<a/>&#65;", "text outside of the elements: 'A'"),
        ("<![CDATA[x]]><a/>", "text outside of the elements: 'x'"),
        ("<a x='1' x='2'/>", "not well-formed"),
        ("<p:a/>", "not well-formed"),
        (f"<a {' '.join(f'x{at}=$1$' for at in range(100))}/>".replace("$", '"'), "64 attributes"),
        ("<a>" * 100 + "</a>" * 100, "deep"),
    ],
)
def test_what_an_element_may_not_be_is_refused(text: str, about: str) -> None:
    with pytest.raises(ValueError, match=about):
        elements(text)


def test_one_element_is_wanted_where_one_is_meant() -> None:
    assert element(" <a b='1'/> <!-- x --> ") == ("a", '<a b="1"/>')
    for text in ("", "<a/><b/>"):
        with pytest.raises(ValueError, match="one XML element"):
            element(text)
