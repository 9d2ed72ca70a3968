"""Which names and paths are accepted, and what is said of the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xml_pipeline import names


@pytest.mark.parametrize(
    "name", ["a", "_a", "Greeter-2", "calculator.add", "a.0.b_c", "systematic", "a" * 100]
)
def test_a_listener_may_be_called(name: str) -> None:
    assert names.listener_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "a.", ".a", "a..b", "1a", "-a", "a b", "a/b", "a:b", "*", "é", "a\n", "gr\u0435eter"],
)
def test_a_listener_may_not_be_called(name: str) -> None:
    with pytest.raises(ValueError, match="is not a name"):
        names.listener_name(name)


@pytest.mark.parametrize("name", ["system", "System", "system.todo", "outside", "outside.x"])
def test_the_names_of_the_pump_are_nobody_elses(name: str) -> None:
    with pytest.raises(ValueError, match="is reserved"):
        names.listener_name(name)


def test_a_name_is_short_enough_to_be_logged() -> None:
    with pytest.raises(ValueError, match="at most 100"):
        names.listener_name("a" * 101)


@pytest.mark.parametrize("path", ["a.b:c", "a.b.c"])
def test_an_import_path_is_written_with_a_colon_or_with_dots(path: str) -> None:
    assert names.import_path(path) == names.ImportPath("a.b", "c")


@pytest.mark.parametrize(
    "path",
    [
        "", "a", "a:", ":a", "a.", ".a", "a..b", "..a:b", "a:b:c", "a:b.c", "a b:c", "a/b:c",
        "a-b:c", "a.1b:c", "é.b:c", "a.b:c\n", "a:b()", "a.b:c;d",
    ],
)  # fmt: skip
def test_what_python_could_not_import_is_no_import_path(path: str) -> None:
    with pytest.raises(ValueError, match="is not an import path"):
        names.import_path(path)


@pytest.mark.parametrize(
    "path",
    ["pkg.__loader__", "handlers.a:__dict__", "__main__:f", "handlers.__init__:f", "a.__b:c"],
)
def test_what_is_internal_to_python_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="internal to Python"):
        names.import_path(path)


def test_a_path_knows_the_longest_allowed_package_it_is_in() -> None:
    path = names.import_path("a.b.c:d")
    assert path.prefix(["a", "a.b", "z"]) == "a.b"
    assert path.prefix(["a.b.c"]) == "a.b.c"
    assert path.prefix(["b", "a.b.c.d"]) is None
    assert path.prefix([]) is None


def test_a_package_whose_name_begins_like_an_allowed_one_is_another() -> None:
    assert names.import_path("handlers_evil.a:b").prefix(["handlers"]) is None


def test_a_built_in_handler_is_named_by_its_room() -> None:
    assert names.plugin_handler("tools:shell") == ("tools", "shell")
    assert names.plugin_handler("tools.shell:run") is None
    assert names.plugin_handler("steps:route") is None
    with pytest.raises(ValueError, match="not a plug-in name"):
        names.plugin_handler("tools:../shell")


@pytest.mark.parametrize(
    ("written", "meant"),
    [("greter", "greeter"), ("todo", "system.todo"), ("GREETER", "greeter"), ("timout", "timeout")],
)
def test_the_most_likely_name_is_proposed(written: str, meant: str) -> None:
    known = ["greeter", "shouter", "system.todo", "system.timer", "timeout"]
    assert names.did_you_mean(written, known) == f'did you mean "{meant}"?'


@pytest.mark.parametrize("written", ["", "x", "zebra", "to"])
def test_nothing_is_proposed_for_what_resembles_nothing(written: str) -> None:
    assert names.did_you_mean(written, ["greeter", "system.todo"]) == ""
    assert names.did_you_mean(written, []) == ""


@given(st.text(max_size=120))
def test_a_name_that_is_accepted_is_safe_to_print_and_to_send(text: str) -> None:
    try:
        name = names.listener_name(text)
    except ValueError:
        return
    assert name.isascii()
    assert name.isprintable()
    assert not set(name) & set(" <>&'\"/\\:*${}")


@given(st.from_regex(names.LISTENER_NAME, fullmatch=True).filter(lambda name: len(name) <= 100))
def test_every_name_of_the_pattern_is_accepted_unless_reserved(name: str) -> None:
    if name.partition(".")[0].lower() in names.RESERVED_NAMES:
        with pytest.raises(ValueError, match="reserved"):
            names.listener_name(name)
    else:
        assert names.listener_name(name) == name
