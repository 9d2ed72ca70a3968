"""JSON from outside (S20): what passes means the same to everybody, and costs little to read."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cpu_time import cpu_time_of
from xml_pipeline.server.strict_json import DEPTH, DIGITS, loads
from xml_pipeline.server.unreadable import Unreadable

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


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
