"""Names say what a thing is; a test's name is a sentence."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from tests.house.source import Source, collected_tests, findings

EMPTY_CLASS_NAME = re.compile(r"Manager|Helper|Util|^_*(?:Base|Abstract)(?=[A-Z]|$)|Impl$")
EMPTY_MODULE_NAME = re.compile(r"(?:^|_)(?:managers?|helpers?|utils?|impl|abstract)(?:_|$)")
WORDS_OF_A_SENTENCE = 3


def empty_class_names(source: Source) -> Iterator[str]:
    for node in source.nodes:
        if isinstance(node, ast.ClassDef) and EMPTY_CLASS_NAME.search(node.name):
            yield source.place(node, f"class {node.name}")


def empty_module_names(source: Source) -> Iterator[str]:
    path = PurePosixPath(source.path).with_suffix("")
    if any(EMPTY_MODULE_NAME.search(part) for part in path.parts):
        yield source.path


def tests_without_a_sentence(source: Source) -> Iterator[str]:
    for test in collected_tests(source):
        if len(test.name.removeprefix("test_").split("_")) < WORDS_OF_A_SENTENCE:
            yield source.place(test, test.name)


def test_no_class_has_a_name_that_says_nothing() -> None:
    assert findings(empty_class_names) == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert findings(empty_module_names) == []


def test_every_test_is_named_by_a_sentence() -> None:
    assert findings(tests_without_a_sentence) == []


@pytest.mark.parametrize(
    "name", ["ThreadManager", "XmlHelper", "Utils", "BaseStep", "_AbstractStep", "StepImpl", "Base"]
)
def test_an_empty_class_name_is_found(name: str) -> None:
    assert list(empty_class_names(Source("x.py", f"class {name}: pass")))


@pytest.mark.parametrize("name", ["Baseline", "Abstraction", "Implies", "Step"])
def test_a_telling_class_name_is_left_alone(name: str) -> None:
    assert not list(empty_class_names(Source("x.py", f"class {name}: pass")))


@pytest.mark.parametrize("path", ["x/utils.py", "xml_helpers.py", "utils/x.py", "step_manager.py"])
def test_an_empty_module_name_is_found(path: str) -> None:
    assert list(empty_module_names(Source(path, "")))


@pytest.mark.parametrize("path", ["x/base.py", "simple.py", "implicit/x.py"])
def test_a_telling_module_name_is_left_alone(path: str) -> None:
    assert not list(empty_module_names(Source(path, "")))


def test_a_test_named_by_two_words_is_found() -> None:
    code = "def test_it_works(): ...\nasync def test_it_works_well(): ...\ndef work(): ..."
    assert len(list(tests_without_a_sentence(Source("tests/test_x.py", code)))) == 1
    assert not list(tests_without_a_sentence(Source("tests/x.py", code)))
