"""What of YAML is read, what is refused, and where the refusal points."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.config.files import GREETER, listener, listeners, load, problems_of
from xml_pipeline.config import OrganismConfig, load_config
from xml_pipeline.config.environment import Environment
from xml_pipeline.config.source import LONGEST_SENTENCE
from xml_pipeline.config.yaml_source import read_document
from xml_pipeline.errors import ConfigError

EMPTY = Environment({})


def test_what_is_written_is_what_is_meant(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        f"""\
        organism: {{name: hello}}
        thread_scheduling: depth-first
        max_concurrent_handlers: 0x10
        budget:
          tokens: 1_000
          seconds: 60
        trusted_keys: {{ada: ada.pem}}
        listeners:
          - {GREETER}
        """,
    ).config
    assert config.organism.name == "hello"
    assert config.thread_scheduling == "depth-first"
    assert config.max_concurrent_handlers == 16
    assert (config.budget.tokens, config.budget.seconds) == (1_000, 60.0)
    assert config.trusted_keys == {"ada": "ada.pem"}
    assert [each.name for each in config.listeners] == ["greeter"]


def test_a_key_with_nothing_behind_it_counts_as_not_written(tmp_path: Path) -> None:
    assert load(tmp_path, "budget:\nlisteners: ~\norganism: {name: null}").config == (
        OrganismConfig()
    )


def test_an_alias_stands_for_what_its_anchor_names(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        listeners(listener(name="a", peers="&all [b]"), listener(name="b", peers="*all")),
    ).config
    assert [each.peers for each in config.listeners] == [("b",), ("b",)]


@pytest.mark.parametrize("text", ["", "  \n", "# nothing yet\n", "---\n", "~", "\ufeff"])
def test_an_empty_file_is_refused_with_a_beginning(tmp_path: Path, text: str) -> None:
    assert problems_of(tmp_path, text) == ["1:1: the file is empty; begin it with `listeners:`"]


@pytest.mark.parametrize(("text", "kind"), [("- a", "a list"), ("abc", "text"), ("5", "a number")])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str, kind: str) -> None:
    assert problems_of(tmp_path, text) == [
        f"1:1: must be a section of `key: value` lines, not {kind}"
    ]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("budget:\n\ttokens: 5", "2:1", "a tab: YAML is indented with spaces"),
        ("budget:\n  tokens:\t5", "2:10", "a tab"),
        ("organism: {name: a: b}", "1:19", ""),
        ("organism: a: b", "1:12", 'unexpected ":"'),
        ("listeners\nbudget: 1", "2:7", 'look for a lost ":"'),
        ("listeners:\n - {name: 'a}\n", "3:1", "a quote is opened and not closed"),
        ("listeners: [a, b", "1:17", "is not closed"),
        ("listeners: *all", "1:12", "an alias (`*name`) without an anchor"),
        ("a: 1\n---\nb: 2", "2:1", "one organism"),
        ("a: %x", "1:4", "if it is text, quote it"),
        ("a: [${HOST}]", "1:6", 'with its "${…}" in quotes'),
        ("a:\n  b: 1\n c: 2", "3:2", "the indentation does not match"),
        ("%YAML 9.9\n---\na: 1", "1:1", "version"),
        ("a: \x07", "1:4", "the character U+0007 is not allowed"),
        ("organism:\n  name: \x00", "2:9", "the character U+0000 is not allowed"),
    ],
)
def test_what_yaml_cannot_read_is_refused_with_its_place(
    tmp_path: Path, text: str, place: str, words: str
) -> None:
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith(f"{place}: ")
    assert words in problem


@pytest.mark.parametrize(
    ("content", "place"), [(b"\xff\xfea\x00", "1:1"), ("é: 1\nab: ".encode() + b"\xe9", "2:5")]
)
def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path, content: bytes, place: str) -> None:
    assert problems_of(tmp_path, content) == [f"{place}: this is not UTF-8; save the file as UTF-8"]


def test_a_key_that_is_written_twice_is_refused(tmp_path: Path) -> None:
    assert problems_of(tmp_path, "budget:\n  hops: 5\n  tokens: 6\n  hops: 7") == [
        '4:3: "hops" is written twice; the first is in line 2'
    ]


@pytest.mark.parametrize(
    ("key", "read"),
    [("on", "true"), ("No", "false"), ("12", "a number"), ("1.5", "a number"), ("null", "nothing")],
)
def test_a_key_that_yaml_reads_as_something_else_is_refused(
    tmp_path: Path, key: str, read: str
) -> None:
    assert problems_of(tmp_path, f"trusted_keys: {{{key}: a.pem}}") == [
        f'1:16: YAML 1.1 reads the key `{key}` as {read}; put it in quotes: "{key}"'
    ]
    assert load(tmp_path, f'trusted_keys: {{"{key}": a.pem}}').config.trusted_keys == {key: "a.pem"}


def test_a_key_that_is_no_text_at_all_is_refused(tmp_path: Path) -> None:
    assert problems_of(tmp_path, '? [a, b]\n: c\n"\\ud800": d') == [
        "1:3: a key must be text",
        "3:1: a key must be text",
    ]


def test_a_merge_key_is_refused_with_what_to_do_instead(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, "budget: &b {hops: 5}\nlimits:\n  <<: *b")
    assert problems == ["3:3: merge keys (`<<`) are not read; write the keys out"]


@pytest.mark.parametrize(
    ("written", "number"), [("12:30", "750"), ("1:30:00", "5400"), ("010", "8"), ("1:30.5", "90.5")]
)
def test_a_number_in_base_60_or_8_is_refused_wherever_it_stands(
    tmp_path: Path, written: str, number: str
) -> None:
    for key in ("name", "port"):
        assert problems_of(tmp_path, f"organism: {{{key}: {written}}}") == [
            f"1:{14 + len(key)}: organism.{key}: YAML 1.1 reads `{written}` as the number"
            f' {number}; write "{written}" or {number}'
        ]


@pytest.mark.parametrize(
    ("written", "kind"),
    [("12", "a number"), ("1.10", "a number"), ("yes", "true or false"), ("0x1F", "a number")],
)
def test_text_that_yaml_reads_otherwise_is_refused_with_the_remedy(
    tmp_path: Path, written: str, kind: str
) -> None:
    assert problems_of(tmp_path, f"organism: {{name: {written}}}") == [
        f'1:18: organism.name: must be text, not {kind}; put it in quotes: "{written}"'
    ]
    assert load(tmp_path, f'organism: {{name: "{written}"}}').config.organism.name == written


def test_a_date_is_refused_with_the_remedy(tmp_path: Path) -> None:
    assert problems_of(tmp_path, "organism: {name: 2024-01-31}") == [
        '1:18: organism.name: YAML reads `2024-01-31` as a date; put it in quotes: "2024-01-31"'
    ]


@pytest.mark.parametrize(("written", "meant"), [('"5"', "5"), ("1e3", "1000")])
def test_a_number_that_yaml_takes_for_text_is_refused_with_the_remedy(
    tmp_path: Path, written: str, meant: str
) -> None:
    assert problems_of(tmp_path, f"budget: {{seconds: {written}}}") == [
        f"1:19: budget.seconds: must be a number, not text; write {meant}"
    ]


@pytest.mark.parametrize("written", ['"-5x"', '"nan"', "5 minutes"])
def test_text_that_is_no_number_is_refused(tmp_path: Path, written: str) -> None:
    assert problems_of(tmp_path, f"budget: {{seconds: {written}}}") == [
        "1:19: budget.seconds: must be a number, not text"
    ]


@pytest.mark.parametrize(
    "written",
    [
        "!!python/object/apply:os.system [id]",
        "!!python/name:os.system x",
        "!!set {a}",
        "!!binary eA==",
        "!mine x",
        "!!bool maybe",
        "!!int ''",
        "!!float ''",
        "0x_",
        "9" * 5_000,
    ],
)
def test_a_value_that_yaml_would_have_to_construct_is_refused(tmp_path: Path, written: str) -> None:
    (problem,) = problems_of(tmp_path, f"organism: {{name: {written}}}")
    assert problem.startswith("1:18: organism.name: ")
    assert len(problem) < LONGEST_SENTENCE + 50


def test_half_a_surrogate_pair_is_no_text(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, 'organism: {name: "\\ud800"}')
    assert problem == "1:18: organism.name: half of a surrogate pair is no character"


def test_a_value_that_is_refused_has_one_problem_that_can_be_printed(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, listeners(listener(peers='["\\ud800\\n"]')))
    assert all(each.encode() and "\n" not in each for each in problems)
    assert [each.partition(": half")[0] for each in problems] == ["2:114: listeners[0].peers[0]"]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        "{" * 200_000,
        "- " * 100_000,
        "? " * 100_000,
        "a: &a [*a]",
        "a: &a {b: *a}",
        "a: !x &a [*a]",
        "a: &a 1\nb: [" + "*a," * 101 + "]",
        "a0: &a0 ["
        + "x," * 9
        + "]\n"
        + "".join(f"a{i}: &a{i} [{f'*a{i - 1},' * 9}]\n" for i in range(1, 9)),
        "a: [" + "x," * 60_000 + "]",
        "a" * 300_000,
    ],
    ids=str.split("lists maps items keys loop loop2 loop3 aliases bomb many long"),
)
def test_a_file_that_would_blow_up_is_refused(tmp_path: Path, text: str) -> None:
    (problem,) = problems_of(tmp_path, text)
    assert "more than" in problem


def test_nesting_and_aliases_up_to_the_caps_are_read(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("a: " + "[" * 31 + "]" * 31)
    assert read_document(file, EMPTY).problems == frozenset()
    file.write_text("a: &a 1\nb: [" + "*a," * 99 + "*a]")
    assert read_document(file, EMPTY).data["b"] == [1] * 100


def test_a_missing_file_is_refused_with_a_next_step(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file; `xml-pipeline new"):
        load_config(tmp_path / "organism.yaml")


def test_a_directory_is_refused_with_the_file_that_is_meant(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refusal:
        load_config(tmp_path)
    meant = tmp_path / "organism.yaml"
    assert str(refusal.value) == (
        f"{tmp_path}: this is a directory; name the file in it, as in {meant}"
    )


def test_a_path_through_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(ConfigError, match="cannot be read: Not a directory"):
        load_config(tmp_path / "a" / "organism.yaml")


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["C"]), min_size=1),
        st.recursive(
            st.booleans()
            | st.integers(-(2**63), 2**63)
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(st.characters(exclude_categories=["C"], exclude_characters="$")),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(
                    st.text(st.characters(exclude_categories=["C"]), max_size=5), inner, max_size=4
                )
            ),
            max_leaves=12,
        ),
        min_size=1,
        max_size=5,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_data_that_was_written_as_yaml_is_read_back(tmp_path: Path, data: dict[str, Any]) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    document = read_document(file, EMPTY)
    assert document.problems == frozenset()
    assert document.data == data


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")))
@example("\ud800")
@example("a: \u2028\tb")
@example("!!map [a]")
@example("!!seq {a: b}")
@example("? &a [*a]\n: b")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_no_text_whatever_is_more_than_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with suppress(ConfigError):
        load_config(file)
        return
    with pytest.raises(ConfigError) as refusal:
        load_config(file)
    assert refusal.value.problems
    assert all(each.startswith(f"{file}:") for each in refusal.value.problems)
    assert all(each.encode() for each in refusal.value.problems)
