"""Nothing that comes from a store, a file or a socket is ever executed."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

import pytest

from tests.house.source import Source, dotted, findings, imported_modules

RUNS_DATA = frozenset({"pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle"})
RUNS_TEXT = frozenset({"eval", "exec", "compile", "__import__"})
LOADS_OBJECTS = frozenset(
    f"yaml.{name}"
    for name in ("load", "load_all", "full_load", "unsafe_load", "Loader", "FullLoader")
) | {"yaml.UnsafeLoader"}

ALLOWED: Mapping[str, frozenset[str]] = {
    # Readers and writers are generated from a dataclass, never from a message.
    "xml_pipeline/payload/": frozenset({"exec", "compile"}),
    # Tests run the snippets of our own documentation, and make payload classes from text.
    "tests/": frozenset({"exec", "compile"}),
}


def executed_data(source: Source) -> Iterator[str]:
    allowed = frozenset().union(
        *(names for prefix, names in ALLOWED.items() if source.path.startswith(prefix))
    )
    yield from (
        source.place(node, f"uses {name}")
        for node, name in dangerous_names(source)
        if name not in allowed
    )


def dangerous_names(source: Source) -> Iterator[tuple[ast.stmt | ast.expr, str]]:
    for statement, module in imported_modules(source.nodes):
        if module.partition(".")[0] in RUNS_DATA or module in LOADS_OBJECTS:
            yield statement, module
    for node in source.nodes:
        if isinstance(node, ast.Name | ast.Attribute):
            name = dotted(node).removeprefix("builtins.")
            if name in RUNS_TEXT or name in LOADS_OBJECTS:
                yield node, name


def test_no_data_is_executed_anywhere() -> None:
    assert findings(executed_data) == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "import shelve as s",
        "from marshal import *",
        "yaml.load(text, Loader=yaml.SafeLoader)",
        "from yaml import unsafe_load",
        "eval(text)",
        "run = exec",
        "builtins.exec(text)",
        "__import__(name)",
    ],
)
def test_executing_data_is_found(code: str) -> None:
    assert list(executed_data(Source("xml_pipeline/x.py", code)))


@pytest.mark.parametrize("code", ["re.compile(pattern)", "yaml.compose(text)", "asyncio.run(f())"])
def test_innocent_neighbours_are_left_alone(code: str) -> None:
    assert not list(executed_data(Source("xml_pipeline/x.py", code)))


def test_generating_code_is_allowed_to_payloads_but_evaluating_text_is_not() -> None:
    path = "xml_pipeline/payload/codec.py"
    assert not list(executed_data(Source(path, "exec(compile(text, name, mode))")))
    assert list(executed_data(Source(path, "eval(text)")))
