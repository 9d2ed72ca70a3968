"""Only the rail and the dispatcher catch everything: elsewhere that hides a bug."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.source import Source, dotted, findings

MAY_CATCH_EVERYTHING = frozenset(
    {
        "xml_pipeline/pump.py",  # the rail: one exception would end the stream for everyone
        "xml_pipeline/steps/rail.py",
        "xml_pipeline/dispatch/local.py",  # handlers are strangers' code
        "xml_pipeline/dispatch/run_job.py",  # the same, in a process of its own
    }
)
EVERYTHING = frozenset({"Exception", "BaseException"})


def broad_excepts(source: Source) -> Iterator[str]:
    if source.path in MAY_CATCH_EVERYTHING:
        return
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler) and (node.type is None or names_all(node.type)):
            yield source.place(node, "catches everything")
        elif isinstance(node, ast.Call) and suppresses_all(node):
            yield source.place(node, "suppresses everything")


def names_all(node: ast.expr) -> bool:
    members = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(dotted(member) in EVERYTHING for member in members)


def suppresses_all(call: ast.Call) -> bool:
    return dotted(call.func).endswith("suppress") and any(map(names_all, call.args))


def test_nobody_else_catches_everything() -> None:
    assert findings(broad_excepts) == []


@pytest.mark.parametrize(
    "code",
    [
        "try: f()\nexcept: g()",
        "try: f()\nexcept Exception: g()",
        "try: f()\nexcept BaseException as e: g()",
        "try: f()\nexcept (KeyError, Exception): g()",
        "try: f()\nexcept* Exception: g()",
        "with contextlib.suppress(Exception): f()",
    ],
)
def test_catching_everything_is_found(code: str) -> None:
    assert list(broad_excepts(Source("x.py", code)))
    assert not list(broad_excepts(Source("xml_pipeline/dispatch/local.py", code)))


@pytest.mark.parametrize(
    "code", ["try: f()\nexcept (KeyError, OSError): g()", "with suppress(KeyError): f()"]
)
def test_catching_something_is_left_alone(code: str) -> None:
    assert not list(broad_excepts(Source("x.py", code)))
