"""A test asserts something, waits for no wall clock, and replaces nothing of ours by a mock."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

import pytest

from tests.house.source import Source, collected_tests, dotted, findings, imported_modules

ASSERTING_CALLS = ("pytest.raises", "pytest.warns", "pytest.fail")
ASSERTING_PREFIX = "assert_"
MOCKS = ("unittest.mock", "mock.", "pytest_mock")
VIRTUAL_CLOCK = "pytest.mark.virtual_clock"


def tests_without_a_claim(source: Source) -> Iterator[str]:
    for test in collected_tests(source):
        if not any(claims(node) for node in ast.walk(test)):
            yield source.place(test, f"{test.name} asserts nothing")


def claims(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        name = dotted(node.func)
        return name in ASSERTING_CALLS or name.rpartition(".")[2].startswith(ASSERTING_PREFIX)
    return isinstance(node, ast.Assert)


def real_sleeps(source: Source) -> Iterator[str]:
    """Find sleeps in tests, but for ``sleep(0)`` and for those on a virtual clock."""
    if not source.path.startswith("tests/") or not any(sleeps(source.nodes)):
        return
    virtual = uses(source.nodes, VIRTUAL_CLOCK)
    always_virtual = any(marks_module(statement) for statement in source.tree.body)
    for statement in source.tree.body:
        is_test = getattr(statement, "name", "").startswith(("test_", "Test"))
        excused = always_virtual or (
            uses(ast.walk(statement), VIRTUAL_CLOCK) if is_test else virtual
        )
        for call in sleeps(ast.walk(statement)):
            if dotted(call.func) == "time.sleep" or not excused:
                yield source.place(call, "sleeps: wait for an event, or use the virtual clock")


def marks_module(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Assign)
        and any(dotted(target) == "pytestmark" for target in statement.targets)
        and uses(ast.walk(statement), VIRTUAL_CLOCK)
    )


def uses(nodes: Iterable[ast.AST], name: str) -> bool:
    return any(isinstance(node, ast.Attribute) and dotted(node) == name for node in nodes)


def sleeps(nodes: Iterable[ast.AST]) -> Iterator[ast.Call]:
    for node in nodes:
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "sleep":
            is_yield = [ast.unparse(argument) for argument in node.args] == ["0"]
            if not is_yield:
                yield node


def mocks(source: Source) -> Iterator[str]:
    if not source.path.startswith("tests/"):
        return
    ours = set[str]()
    for statement, module in imported_modules(source.nodes):
        if f"{module}.".startswith(MOCKS):
            yield source.place(statement, f"imports {module}")
        if module.partition(".")[0] == "xml_pipeline":
            ours |= names_bound(statement)
    for node in source.nodes:
        if isinstance(node, ast.Call) and dotted(node.func) == "monkeypatch.setattr":
            target = node.args[0]
            written = dotted(target) or ast.unparse(target).strip("'")
            if written.partition(".")[0] in ours | {"xml_pipeline"}:
                yield source.place(node, f"replaces {written}")


def names_bound(statement: ast.stmt) -> set[str]:
    aliases = statement.names if isinstance(statement, ast.Import | ast.ImportFrom) else []
    return {alias.asname or alias.name.partition(".")[0] for alias in aliases}


def test_every_test_claims_something() -> None:
    assert findings(tests_without_a_claim) == []


def test_no_test_sleeps_on_a_wall_clock() -> None:
    assert findings(real_sleeps) == []


def test_nothing_of_ours_is_mocked() -> None:
    assert findings(mocks) == []


def a_test(*statements: str, prelude: str = "") -> Source:
    body = "\n    ".join(statements)
    return Source("tests/test_x.py", f"{prelude}\nasync def test_x():\n    {body}")


def test_a_test_that_claims_nothing_is_found() -> None:
    assert list(tests_without_a_claim(a_test("x = 1", "print(x)")))


@pytest.mark.parametrize(
    "claim", ["assert x", "with pytest.raises(KeyError): x[1]", "assert_same(a, b)"]
)
def test_a_test_that_claims_something_is_left_alone(claim: str) -> None:
    assert not list(tests_without_a_claim(a_test(claim)))


@pytest.mark.parametrize("call", ["time.sleep(1)", "await asyncio.sleep(0.01)", "sleep(n)"])
def test_a_sleep_is_found(call: str) -> None:
    assert list(real_sleeps(a_test(call)))


def test_giving_way_once_is_no_sleep() -> None:
    assert not list(real_sleeps(a_test("await asyncio.sleep(0)")))


def test_a_sleep_on_the_virtual_clock_is_none() -> None:
    sleep = "await asyncio.sleep(9)"
    everywhere = "pytestmark = pytest.mark.virtual_clock"
    assert not list(real_sleeps(a_test(sleep, prelude=everywhere)))
    assert not list(real_sleeps(a_test(sleep, prelude="@pytest.mark.virtual_clock")))
    assert list(real_sleeps(a_test("time.sleep(9)", prelude=everywhere)))


def test_a_marked_test_does_not_excuse_the_sleep_of_another() -> None:
    marked = "@pytest.mark.virtual_clock\nasync def test_y(): ..."
    assert list(real_sleeps(a_test("await asyncio.sleep(9)", prelude=marked)))


@pytest.mark.parametrize(
    "prelude",
    [
        "from unittest.mock import Mock",
        "from unittest import mock",
        "import unittest.mock",
        "from xml_pipeline import pump\nmonkeypatch.setattr(pump, 'x', 1)",
        "import xml_pipeline.pump\nmonkeypatch.setattr(xml_pipeline.pump, 'x', 1)",
        "monkeypatch.setattr('xml_pipeline.pump.x', 1)",
    ],
)
def test_a_mock_of_ours_is_found(prelude: str) -> None:
    assert list(mocks(a_test("assert x", prelude=prelude)))


def test_replacing_what_is_not_ours_is_left_alone() -> None:
    assert not list(mocks(a_test("assert x", prelude="monkeypatch.setattr(os, 'x', 1)")))
