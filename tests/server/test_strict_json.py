"""JSON from outside (S20): what passes means the same to everybody, and costs little to read."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cpu_time import cpu_time_of
from tests.server.json_documents import BEYOND, RIGHT, WRONG, WRONG_BYTES
from xml_pipeline.errors import InvalidPayload
from xml_pipeline.payload import Json, codec_of, xmlify
from xml_pipeline.payload.raw import read_json
from xml_pipeline.server.strict_json import DEPTH, DIGITS, loads
from xml_pipeline.server.unreadable import Unreadable
from xml_pipeline.tools.base import ToolFailed
from xml_pipeline.tools.trees import from_json


@xmlify
@dataclass(frozen=True, slots=True)
class Free:
    """Whatever JSON can say."""

    said: Json


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize("document", RIGHT)
def test_every_document_that_is_right_is_read_as_any_reader_reads_it(document: str) -> None:
    assert loads(document.encode()) == json.loads(document) == read_json(document)


@pytest.mark.parametrize("document", WRONG)
def test_every_document_that_is_wrong_is_refused(document: str) -> None:
    with pytest.raises(Unreadable):
        loads(document.encode("utf-8", "surrogatepass"))
    with pytest.raises(ValueError):  # noqa: PT011  # whatever it says
        read_json(document)
    with pytest.raises(ToolFailed):
        from_json(document, "root")


@pytest.mark.parametrize("raw", WRONG_BYTES)
def test_every_document_that_is_wrong_in_its_bytes_is_refused(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        loads(raw)


@pytest.mark.parametrize("document", BEYOND, ids=range(len(BEYOND)))
def test_what_readers_differ_about_or_never_end_with_is_refused(document: str) -> None:
    with pytest.raises(Unreadable):
        loads(document.encode())
    with pytest.raises(ToolFailed):
        from_json(document, "root")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 5_000, '{"a":1,"a":2}'])
def test_a_field_of_json_that_cannot_be_read_is_an_invalid_payload(text: str) -> None:
    with pytest.raises(InvalidPayload):
        codec_of(Free).from_xml(f"<Free><said>{text}</said></Free>".encode())


@settings(max_examples=50)
@given(VALUES)
def test_whatever_json_can_say_is_read(value: Any) -> None:
    assert loads(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_nothing_else(raw: bytes) -> None:
    with suppress(Unreadable):
        assert loads(raw) == json.loads(raw)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "it is not JSON from line 1, column 1 on"),
        (b'{"a": 1,\n "b" 2}', "it is not JSON from line 2, column 6 on"),
        (b"[1] 2", "not JSON"),
        (b"\xef\xbb\xbf[]", "not JSON"),
        (b"\xff", "not UTF-8"),
        ("[]".encode("utf-16"), "not UTF-8"),
        (b'"\x00"', "not JSON"),
        (b"[1,]", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b"NaN", "NaN is no JSON"),
        (b"[Infinity]", "Infinity is no JSON"),
        (b"[-Infinity]", "-Infinity is no JSON"),
        (b"1e999", "too large"),
        (b"-1e999", "too large"),
        (b"9" * (DIGITS + 1), "more than 1000 digits"),
        (b"9" * 100_000, "more than 1000 digits"),
        (b'{"a": 1, "a": 2}', "same key twice"),
        (b'[{"to": 1, "t\\u006f": 2}]', "same key twice"),
        (b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1), "nested more than 64 deep"),
        (b'{"a":' * (DEPTH + 1) + b"1" + b"}" * (DEPTH + 1), "nested more than 64 deep"),
        (b"[" * 1_000_000, "nested more than 64 deep"),
    ],
)
def test_what_is_not_plain_json_is_refused_in_our_own_words(raw: bytes, why: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        loads(raw)
    assert why in refusal.value.words


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * DEPTH + b"]" * DEPTH,
        b'["' + b"[{" * 1_000 + b'"]',
        b'["\\"' + b"[" * 1_000 + b'"]',
        b'{"a": {"b": 1}, "b": {"b": 1}}',
        b"9" * DIGITS,
        b'"\\ud800"',
    ],
)
def test_what_only_looks_dangerous_is_read(raw: bytes) -> None:
    assert loads(raw) == json.loads(raw)


@pytest.mark.parametrize(
    "raw",
    [b'"' + b'\\"' * 500_000, b'"' * 1_000_000, b'"\\' * 500_000, b"\\" * 1_000_000],
    ids=["one unclosed string", "quotes", "escaped quotes", "backslashes"],
)
def test_no_text_takes_more_than_its_share_of_time(raw: bytes) -> None:
    def refused() -> None:
        with pytest.raises(Unreadable):
            loads(raw)

    assert cpu_time_of(refused, within=2.0) < 2.0
