"""A pattern means the same to XSD, to JSON Schema and to us, and costs linear time."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from lxml import etree

from tests.cpu_time import cpu_time_of
from xml_pipeline.payload import compile_schema
from xml_pipeline.payload.regex.automaton import Automaton
from xml_pipeline.payload.regex.rendering import json_pattern, xsd_pattern
from xml_pipeline.payload.regex.syntax import parse
from xml_pipeline.payload.text import escape_attribute

ATOMS = st.sampled_from(
    ["a", "b", "ab", ".", "\\d", "\\w", "\\s", "\\S", "[ab]", "[^a]", "[a-c-]", "\\.", "\\n", "é"]
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}"])).map(
            lambda pair: f"({pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=6,
)
ANCHORED = st.tuples(st.sampled_from(["", "^"]), EXPRESSIONS, st.sampled_from(["", "$"])).map(
    "".join
)
XSD = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="x">
<xs:simpleType><xs:restriction base="xs:string"><xs:pattern value="PATTERN"/></xs:restriction>
</xs:simpleType></xs:element></xs:schema>"""
TEXTS = st.text("abc-0 .\n_é", max_size=8)


@given(ANCHORED, TEXTS)
def test_we_agree_with_python_where_python_agrees_with_ecma(expression: str, text: str) -> None:
    # Python's $ also matches before a last line end, and its classes know all of Unicode.
    for_python = re.sub(r"\$$", r"\\Z", expression)
    expected = re.search(for_python, text, re.ASCII) is not None
    assert Automaton(parse(expression)).matches(text) == expected


@given(ANCHORED, TEXTS)
def test_the_json_pattern_means_the_same(expression: str, text: str) -> None:
    node = parse(expression)
    assert Automaton(node).matches(text) == bool(re.search(json_pattern(node), text))


@given(EXPRESSIONS, TEXTS)
def test_the_xsd_pattern_means_the_same(expression: str, text: str) -> None:
    node = parse(f"^{expression}$")
    assume(Automaton(node).deterministic)  # no other reaches libxml2, which gets ((a)*){2} wrong
    value = escape_attribute(xsd_pattern(node))
    schema = compile_schema(XSD.replace("PATTERN", value).encode())
    element = etree.Element("x")
    element.text = text
    assert Automaton(node).matches(text) == schema.validate(element)


@given(ANCHORED, st.integers(0, 3))
def test_the_shortest_text_matches(expression: str, least: int) -> None:
    automaton = Automaton(parse(expression))
    text = automaton.shortest(least)
    if text is not None:
        assert automaton.matches(text)
        assert len(text) >= least
        assert not any(automaton.matches("a" * n) for n in range(least, len(text)))


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("(a+)+$", "a" * 60_000 + "b"),
        ("^(a|a)*$", "a" * 60_000 + "b"),
        ("^(a|aa|aaa)*b$", "a" * 60_000),
        ("^a*a*a*a*b$", "a" * 60_000),
        ("(x+x+)+y", "x" * 60_000),
        ("^[a-z]+[0-9a-z]*-$", "a" * 60_000),
        ("^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 60_000),
        ("(.*)(.*)(.*)(.*)[^a]b", "a" * 60_000),
    ],
)
def test_expressions_that_kill_a_backtracker_cost_little(expression: str, text: str) -> None:
    automaton = Automaton(parse(expression))
    assert cpu_time_of(lambda: automaton.matches(text), within=0.5) < 0.5


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [
        ("^[a-z]+[0-9]*$", True),
        ("^a{2,5}b?$", True),
        ("^(ab|cd)+$", True),
        ("^[a-z]+[0-9a-z]*$", False),
        ("^(a|ab)$", False),
        ("a", False),
    ],
)
def test_an_expression_is_deterministic_if_one_look_decides(expression: str, verdict: bool) -> None:
    assert Automaton(parse(expression)).deterministic == verdict


@pytest.mark.parametrize(
    "expression",
    [
        "(?=a)", "(?!a)", "(?<=a)", "(?P<n>a)", "(?i)a", "\\1", "\\b", "\\p{L}", "\\cA", "\\u12",
        "a**", "a{2}{3}", "a*+", "+a", "*", "a|*", "[", "[]", "[z-a]", "[\\d-z]", "(", ")", "a)",
        "(^a)b", "a$b", "\\", "a{2,1}", "a{x}", "a{", "a{1", "(((((a{9}){9}){9}){9}){9})",
        "(" * 5_000,
    ],
)  # fmt: skip
def test_what_is_not_of_the_dialect_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|deep"):
        Automaton(parse(expression))


@pytest.mark.parametrize("expression", ["(()*){1000}", "(){1000}", "((a{0}){999}){999}", "|", "^$"])
def test_repeating_nothing_costs_nothing(expression: str) -> None:
    assert Automaton(parse(expression)).matches("")


@pytest.mark.parametrize(
    ("expression", "text", "verdict"),
    [
        ("^\\x41\\u0042$", "AB", True),
        ("^[\\x41-\\x43]$", "B", True),
        ("^[\\b]$", "\b", True),
        ("^a|b$", "xb", True),
        ("^a|b$", "ba", False),
        ("^\\d$", "٣", False),
        ("^.$", "\u2028", False),
        ("^.$", "😀", True),
        ("^\\s$", "\u2003", True),
        ("^[^\\s\\S]$", "a", False),
    ],
)
def test_the_dialect_is_that_of_ecma(expression: str, text: str, verdict: bool) -> None:
    assert Automaton(parse(expression)).matches(text) == verdict


def test_nothing_matches_between_bounds_that_exclude_each_other() -> None:
    assert Automaton(parse("^a{3}$")).shortest(4) is None
    assert Automaton(parse("^(aa)*$")).shortest(3, 3) is None
