"""Arithmetic is worked out exactly, and nothing that is not arithmetic is worked out at all."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.arithmetic import LONGEST, NotArithmetic, evaluate


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2 * (3 + 4)", "14"),
        (" 1 - -1 ", "2"),
        ("+7 / 2", "3.5"),
        ("0.1 + 0.2", "0.3"),
        ("1 / 3", "0.3333333333333333333333333333"),
        ("2 ** 10", "1024"),
        ("2 ** -1", "0.5"),
        ("1_000 * 1.5e3", "1500000"),
        ("0.1234567890123456789 * 10", "1.234567890123456789"),
        ("-0 * 1", "0"),
        ("1e-99 / 1e99", "0"),
        ("-" * 199 + "1", "-1"),
        ("(" * 99 + "1" + ")" * 99, "1"),
    ],
)
def test_an_expression_has_its_exact_value(expression: str, value: str) -> None:
    assert f"{evaluate(expression):f}" == value


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("1 / 0", "divided by zero"),
        ("0 / 0", "no such number"),
        ("(-8) ** (1 / 3)", "no such number"),
        ("9 ** 9 ** 9", r"beyond 10 \*\* 100"),
        ("1e400", r"beyond 10 \*\* 100"),
        ("9" * LONGEST, r"beyond 10 \*\* 100"),
        ("1" * (LONGEST + 1), "at most 200 characters"),
        ("", "no expression"),
        ("5 5", "no expression"),
        ("(" * 150, "no expression"),
        ("7 // 2", "not arithmetic"),
        ("e", "not arithmetic"),
        ("()", "not arithmetic"),
        ("...", "not arithmetic"),
        ("__import__('os')", "only numbers"),
        ("True", "only numbers"),
        ("0x10", "only numbers"),
        ("1\n+ 2", "only numbers"),
        ("٣ + 1", "only numbers"),
        ("\0", "only numbers"),
    ],
)
def test_what_is_no_arithmetic_is_refused_with_a_reason(expression: str, reason: str) -> None:
    with pytest.raises(NotArithmetic, match=reason):
        evaluate(expression)


@given(st.text(alphabet="0123456789eE._+-*/() x", max_size=60))
def test_any_text_has_a_finite_value_or_is_refused(text: str) -> None:
    value = Decimal(0)
    with suppress(NotArithmetic):
        value = evaluate(text)
    assert value.is_finite()
    assert abs(value) <= Decimal(10) ** 101


@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12))
def test_whole_numbers_are_added_and_multiplied_as_python_does(a: int, b: int) -> None:
    assert evaluate(f"{a} + {b}") == a + b
    assert evaluate(f"({a}) * ({b})") == a * b
