"""Files end before 400 lines, function bodies before 40."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.house.source import Function, Source, findings, functions

FILE_LINES = 400
BODY_LINES = 40


def long_files(source: Source) -> Iterator[str]:
    lines = len(source.text.splitlines())
    if lines > FILE_LINES:
        yield f"{source.path}: {lines} lines"


def long_functions(source: Source) -> Iterator[str]:
    for function in functions(source):
        lines = body_lines(function)
        if lines > BODY_LINES:
            yield source.place(function, f"{function.name} has a body of {lines} lines")


def body_lines(function: Function) -> int:
    """Count the lines from below the signature and docstring to the end."""
    header = function.body[0].lineno - 1
    if has_docstring(function):
        header = function.body[0].end_lineno or header
    return (function.end_lineno or header) - header


def has_docstring(function: Function) -> bool:
    # `ast.get_docstring` calls an empty one none.
    first = function.body[0]
    value = getattr(first, "value", None)
    return isinstance(getattr(value, "value", None), str)


def test_no_file_is_longer_than_the_house_allows() -> None:
    assert findings(long_files) == []


def test_no_function_body_is_longer_than_the_house_allows() -> None:
    assert findings(long_functions) == []


def function_of(lines: int, docstring: str = "") -> Source:
    return Source("x.py", "\n".join(["def f():", docstring, *["    x = 1"] * lines]))


def test_a_file_one_line_too_long_is_found() -> None:
    assert list(long_files(Source("x.py", "x = 1\n" * (FILE_LINES + 1))))
    assert not list(long_files(Source("x.py", "x = 1\n" * FILE_LINES)))


@pytest.mark.parametrize("docstring", ["", '    """Say\n\n    much.\n    """'])
def test_a_body_one_line_too_long_is_found_whatever_its_docstring(docstring: str) -> None:
    assert list(long_functions(function_of(BODY_LINES + 1, docstring)))
    assert not list(long_functions(function_of(BODY_LINES, docstring)))


def test_a_long_nested_function_counts_for_the_outer_one_too() -> None:
    inner = "\n".join(["    def g():", *["        x = 1"] * BODY_LINES])
    assert [place.split()[1] for place in long_functions(Source("x.py", f"def f():\n{inner}"))] == [
        "f"
    ]
