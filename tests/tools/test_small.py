"""Todos, arithmetic, keys with values, and XML as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.tools.parts import Caller, calls, organism_of
from xml_pipeline.tools.base import ToolFailed
from xml_pipeline.tools.expressions import evaluate
from xml_pipeline.tools.json_to_xml import JsonToXml
from xml_pipeline.tools.key_value import MOST_KEYS, KeyValue, do
from xml_pipeline.tools.todoread import ReadTodos
from xml_pipeline.tools.todos import TodoItem
from xml_pipeline.tools.todowrite import WriteTodos
from xml_pipeline.tools.trees import as_json, extract, from_json, read_xml
from xml_pipeline.tools.workspace import Notes
from xml_pipeline.tools.xml_extract import ExtractXml
from xml_pipeline.tools.xml_to_json import XmlToJson

# ── Todos ───────────────────────────────────────────────────────────────────────────────


async def test_a_list_of_todos_is_replaced_and_read_by_whoever_wrote_it(tmp_path: Path) -> None:
    todos = (TodoItem("test", "in_progress", "high"), TodoItem("land"))
    write, read = ("todowrite", WriteTodos(todos)), ("todoread", ReadTodos())
    two = tuple(TodoItem(each, "in_progress") for each in "ab")
    header = "workspace: {root: spaces, per: user}\nlisteners:\n"
    async with organism_of(tmp_path, "todowrite", "todoread", header=header) as organism:
        empty, written, again, wrong, same = await calls(
            organism, read, write, read, ("todowrite", WriteTodos(two)), read
        )
        [others] = await Caller("other").do(organism, read)
    assert empty.text == others.text == "(nothing to do)"
    assert written.text == again.text == same.text == "[>] (high) test\n[ ] (medium) land"
    assert wrong.error == "at most one todo is in_progress at a time"


# ── Arithmetic ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2 * (3 + 4)", 14),
        ("7 // 2 + 7 % 2", 4),
        ("sqrt(16) + max(1, 2)", 6.0),
        ("1 < 2 <= 2 != 3", True),
        ("cos(0) == 1", True),
        ("-inf < +1", True),
        ("2 ** 100", 2**100),
        ("2 ** -1", 0.5),
        ("round(pi, 2)", 3.14),
        ("1 < 2 < 1", False),
    ],
)
def test_an_expression_has_a_value(expression: str, value: float) -> None:
    assert evaluate(expression) == value


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("__import__('os')", "no arithmetic"),
        ("(1).real", "no arithmetic"),
        ("[1][0]", "no arithmetic"),
        ("lambda: 1", "no arithmetic"),
        ("'a' * 9", "no arithmetic"),
        ("1j", "no arithmetic"),
        ("x", "no arithmetic"),
        ("max(1, key=abs)", "no arithmetic"),
        ("1 if 1 else 2", "no arithmetic"),
        ("not 1", "no arithmetic"),
        ("1 << 9", "operator is not known"),
        ("1 is 1", "comparison is not known"),
        ("9 ** 9 ** 9", "too large"),
        ("9 ** 99999", "too large"),
        ("(2 ** 5000) * (2 ** 5000)", "too large"),
        ("(-1) ** 0.5", "no value that is a real"),
        ("1 / 0", "no value: division by zero"),
        ("sqrt(-1)", "no value"),
        ("min(1)", "no value"),
        ("-" * 150 + "1", "nested too deeply"),
        ("(" * 250, "no expression"),
        ("1 +", "no expression"),
        ("1" * 450 + "\0", "no"),
    ],
)
def test_what_is_no_arithmetic_is_not_worked_out(expression: str, why: str) -> None:
    with pytest.raises(ToolFailed, match=why):
        evaluate(expression)


@given(st.text("0123456789.e+-*/%()<>= ,pisqrt", max_size=40))
def test_any_text_has_a_value_or_is_refused(text: str) -> None:
    try:
        value: object = evaluate(text)
    except ToolFailed:
        value = 0
    assert isinstance(value, int | float)


# ── Keys and values ─────────────────────────────────────────────────────────────────────


async def test_a_value_is_kept_in_all_conversations_of_a_user(tmp_path: Path) -> None:
    def ask(action: Any, key: str = "", **more: Any) -> tuple[str, KeyValue]:
        return "key_value", KeyValue(action, key, **more)

    async with organism_of(tmp_path, "key_value") as organism:
        await calls(organism, ask("set", "../a", value="1"), ask("set", "b", namespace="n"))
        got, other, none, listed, gone, empty = await calls(
            organism,
            ask("get", "../a"),
            ask("get", "b"),
            ask("get"),
            ask("list"),
            ask("delete", "../a"),
            ask("list"),
        )
    assert (got.text, listed.text, gone.text) == ("1", "../a", "../a was deleted")
    assert other.error == "there is no value for b"
    assert none.error == "get needs a key"
    assert empty.text == "(no keys)"


def test_a_value_goes_when_its_time_is_up(tmp_path: Path) -> None:
    notes = Notes(str(tmp_path), ("kept",))
    do(notes, KeyValue("set", "a", "1", ttl=10), 100.0)
    assert do(notes, KeyValue("get", "a"), 109.9) == "1"
    assert do(notes, KeyValue("list"), 110.0) == "(no keys)"
    with pytest.raises(ToolFailed, match="no value"):
        do(notes, KeyValue("get", "a"), 110.0)


def test_there_are_only_so_many_keys(tmp_path: Path) -> None:
    notes = Notes(str(tmp_path), ("kept",))
    for number in range(MOST_KEYS):
        note = {"key": f"k{number}", "value": "", "expires": None}
        notes.put(f"key k{number}", json.dumps(note))
    with pytest.raises(ToolFailed, match="delete some"):
        do(notes, KeyValue("set", "one more", ""), 0)
    assert do(notes, KeyValue("set", "k1", "new"), 0) == "k1 was set"


# ── XML and JSON ────────────────────────────────────────────────────────────────────────

XML = '<a n="1"><b>x</b><b>2</b><c><d>true</d>mixed</c><e/></a>'
VALUE = {"a": {"@n": 1, "b": ["x", 2], "c": {"d": True, "#text": "mixed"}, "e": ""}}


async def test_xml_becomes_json_and_json_xml(tmp_path: Path) -> None:
    async with organism_of(tmp_path, "xml_to_json", "json_to_xml", "xml_extract") as organism:
        there, back, found, none = await calls(
            organism,
            ("xml_to_json", XmlToJson(XML)),
            ("json_to_xml", JsonToXml(json.dumps(VALUE["a"]), "a")),
            ("xml_extract", ExtractXml(XML, "//d/text()")),
            ("xml_extract", ExtractXml(XML, "/a/z")),
        )
    assert json.loads(there.text) == VALUE
    assert back.text == '<a n="1"><b>x</b><b>2</b><c>mixed<d>true</d></c><e></e></a>'
    assert (found.text, none.text) == ("true", "(nothing is there)")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/a/b", ["<b>x</b>", "<b>2</b>"]),
        ("/a/b[2]/text()", ["2"]),
        ("/a/@n", ["1"]),
        ("//b[1]", ["<b>x</b>"]),
        ("/a/*/d", ["<d>true</d>"]),
        ("//c//d/text()", ["true"]),
        ("/b", []),
    ],
)
def test_a_path_leads_to_parts_of_a_document(path: str, found: list[str]) -> None:
    assert extract(read_xml(XML), path) == found


@pytest.mark.parametrize("path", ["a[", "/a/text()/b", "/a[@x='1']", "count(/a)", "/a b", "///a"])
def test_what_is_no_path_is_told(path: str) -> None:
    with pytest.raises(ToolFailed, match="no path that is known"):
        extract(read_xml(XML), path)


def test_no_path_takes_for_ever() -> None:
    deep = read_xml("<a>" * 99 + "</a>" * 99)
    assert len(extract(deep, "//a" * 60)) == 40


@pytest.mark.parametrize(
    "xml",
    [
        "<a",
        '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        "<a><?php 1?></a>",
        "<a>" * 101 + "</a>" * 101,
    ],
)
def test_xml_that_could_do_something_is_not_read(xml: str) -> None:
    with pytest.raises(ToolFailed, match="XML"):
        read_xml(xml)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        "NaN",
        "1e999",
        "[" * 100_000,
        "[" * 101 + "]" * 101,
        "9" * 5000,
        '{"a b": 1}',
        '{"@x": []}',
        "{",
    ],
)
def test_json_that_could_mean_two_things_is_not_read(text: str) -> None:
    with pytest.raises(ToolFailed):
        from_json(text, "root")


SCALARS = st.text("xyz", min_size=1) | st.integers(-(10**17), 10**17) | st.booleans()


@given(
    st.dictionaries(
        st.sampled_from("abc"),
        SCALARS,
    )
)
def test_plain_values_come_back_as_they_were(value: dict[str, Any]) -> None:
    text = etree.tostring(from_json(json.dumps(value), "r"), encoding="unicode")
    assert as_json(read_xml(text)) == {"r": value or ""}
