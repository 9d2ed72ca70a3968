"""Where variables come from, and what becomes of ``${NAME}`` in a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.config.files import load, problems_of
from xml_pipeline.config.environment import Environment, read_environment


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a directory of its own, with none of the variables that these tests use."""
    monkeypatch.chdir(tmp_path_factory.mktemp("working"))
    for name in ("WHO", "PORT", "EMPTY", "LOUD"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("${WHO}", "Ada"),
        ("Dear ${WHO}, ${WHO}!", "Dear Ada, Ada!"),
        ("${NOBODY:-you}", "you"),
        ("${NOBODY:-}", ""),
        ("${EMPTY:-you}", "you"),
        ("${EMPTY}", ""),
        ("${WHO:-you}", "Ada"),
        ("$$", "$"),
        ("$${WHO}", "${WHO}"),
        ("$$${WHO}", "$Ada"),
        ("$WHO $5 $", "$WHO $5 $"),
        ("${LOUD}", "${WHO}"),
    ],
)
def test_references_are_replaced_once(text: str, expanded: str) -> None:
    environment = Environment({"WHO": "Ada", "EMPTY": "", "LOUD": "${WHO}"})
    assert environment.expand(text) == expanded


@pytest.mark.parametrize("text", ["${", "${}", "${A B}", "${1A}", "${A:-${B}}", "${A-b}", "a${"])
def test_what_only_begins_like_a_reference_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="begins no"):
        Environment({"A": "a", "B": "b"}).expand(text)


@given(st.text())
def test_any_text_can_be_written_with_doubled_dollars(text: str) -> None:
    assert Environment({}).expand(text.replace("$", "$$")) == text


def test_every_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    assert problems_of(tmp_path, 'organism: {name: "${WHO} and ${LOUD}"}') == [
        "1:18: organism.name: not set in the environment: WHO and LOUD;"
        " export it, or write `${WHO:-default}`"
    ]


def test_an_unquoted_reference_is_read_as_if_its_text_stood_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "80")
    monkeypatch.setenv("LOUD", "yes")
    config = load(
        tmp_path, "server: {port: 1}\nprocess_pool:\n  enabled: ${LOUD}\n  workers: ${PORT}"
    ).config
    assert config.process_pool.enabled
    assert config.process_pool.workers == 80


def test_a_quoted_or_embedded_reference_stays_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "80")
    name = load(tmp_path, 'organism: {name: "${PORT}"}').config.organism.name
    assert name == "80"
    assert load(tmp_path, "organism:\n  name: x${PORT}").config.organism.name == "x80"


def test_an_empty_variable_counts_as_nothing_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMPTY", "")
    assert load(tmp_path, "server:\n  port: ${EMPTY}").config.server.port == 8765


def test_a_value_from_the_environment_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "llm:\n  backends:\n    - provider: openai\n      api_key: ${WHO}"
    for secret in ("4711", "0123", "47:11", "2024-01-31", "\udc80"):
        monkeypatch.setenv("WHO", secret)
        (problem,) = problems_of(tmp_path, text)
        assert problem.startswith("4:16: llm.backends[0].api_key: ")
        assert not any(shown in problem for shown in (secret, "83", "2831"))


def test_keys_are_not_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHO", "ada")
    keys = load(tmp_path, 'trusted_keys: {"${WHO}": a.pem}').config.trusted_keys
    assert keys == {"${WHO}": "a.pem"}


def test_what_is_exported_wins_over_the_file_beside_and_that_over_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".env").write_text("WHO=working\nPORT=working\nLOUD=working\n")
    (tmp_path / ".env").write_text("WHO=beside\nPORT=beside\n")
    monkeypatch.setenv("WHO", "exported")
    variables = read_environment(tmp_path).variables
    assert [variables[name] for name in ("WHO", "PORT", "LOUD")] == [
        "exported",
        "beside",
        "working",
    ]


def test_the_env_file_is_read_and_the_process_keeps_its_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(
        b"\xef\xbb\xbfexport WHO=\"Ada\\n\"  # a comment\n# another\n\nPORT='9$WHO'\nLOUD\n"
    )
    before = dict(os.environ)
    loaded = load(tmp_path, 'organism: {name: "${WHO}"}')
    assert loaded.config.organism.name == "Ada\n"
    assert loaded.environment["PORT"] == "9$WHO"
    assert "LOUD" not in loaded.environment
    assert loaded.warnings == ()
    assert dict(os.environ) == before


def test_a_line_that_sets_nothing_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("WHO=Ada\n=5\n")
    loaded = load(tmp_path, 'organism: {name: "${WHO}"}')
    assert loaded.warnings == (f"{tmp_path / '.env'}:2:1: not a NAME=value line: ignored",)


@pytest.mark.parametrize("content", [b"WHO=\xff", b"WHO=" + b"a" * 300_000])
def test_an_env_file_that_cannot_be_read_is_a_warning(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".env").write_bytes(content)
    (warning,) = load(tmp_path, "budget: {hops: 5}").warnings
    assert warning.startswith(f"{tmp_path / '.env'}: ignored: ")


def test_a_directory_called_env_is_no_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert load(tmp_path, "budget: {hops: 5}").warnings == ()


def test_secrets_do_not_show_when_what_was_loaded_is_printed(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("WHO=canary\n")
    loaded = load(tmp_path, "llm:\n  backends: [{provider: openai, api_key: '${WHO}'}]")
    assert loaded.environment["WHO"] == "canary"
    assert "canary" not in repr(loaded)
    assert "canary" not in repr(read_environment(tmp_path))
