"""Import paths are judged before anything runs, and what goes wrong is told with its place."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from xml_pipeline.catalogue import import_object
from xml_pipeline.errors import ConfigError, PluginNotFound, XmlPipelineError
from xml_pipeline.names import ImportPath

ALLOW = ("handlers",)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with a package ``handlers`` that can be imported, and forgotten after."""
    known = set(sys.modules)
    for name in [each for each in sys.modules if each.partition(".")[0] in ALLOW]:
        monkeypatch.delitem(sys.modules, name)
    folder = tmp_path / "project"
    write(folder / "handlers" / "__init__.py", "")
    write(
        folder / "handlers" / "hello.py",
        """\
        from os import system
        from json import loads as read
        import json

        class Greeting: ...

        async def greet() -> str:
            return "hello"

        settings = {"loud": True}
        greeting = Greeting()
        """,
    )
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in set(sys.modules) - known:
        del sys.modules[name]


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(dedent(text))
    return file


def refusal(path: str, *allow: str) -> str:
    """Return why an import is refused."""
    with pytest.raises(XmlPipelineError) as error:
        import_object(path, allow or ALLOW)
    return str(error.value)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("path", ["handlers.hello:greet", "handlers.hello.greet"])
def test_an_object_is_found_by_either_form_of_its_path(path: str) -> None:
    found = import_object(path, ALLOW)
    assert found is sys.modules["handlers.hello"].greet


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("name", ["Greeting", "greeting", "settings"])
def test_classes_and_their_instances_and_plain_data_are_found(name: str) -> None:
    assert import_object(f"handlers.hello:{name}", ALLOW)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("path", ["os:system", "subprocess:run", "builtins:eval", "handlersx.a:b"])
def test_a_path_elsewhere_is_refused(path: str) -> None:
    assert refusal(path) == f'"{path}" is refused: it is not below handlers'


@pytest.mark.parametrize("path", ["pkg.__loader__", "handlers.hello:__dict__", "../a:b", "a", ""])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    assert path in refusal(path)


def test_nothing_is_imported_before_a_path_is_judged(project: Path) -> None:
    for name in ("evil", "handlersx"):
        write(project / f"{name}.py", "raise SystemExit")
        assert "is refused" in refusal(f"{name}:run")
        assert name not in sys.modules
    assert "handlers" not in sys.modules


@pytest.mark.usefixtures("project")
def test_with_nothing_allowed_everything_is_refused() -> None:
    with pytest.raises(ConfigError, match="not below any package"):
        import_object("handlers.hello:greet", ())


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("name", "origin"), [("system", "posix"), ("read", "json")])
def test_what_a_module_imported_from_elsewhere_is_refused(name: str, origin: str) -> None:
    assert refusal(f"handlers.hello:{name}") == (
        f'"handlers.hello:{name}" is refused: it really comes from "{origin}"'
    )


def test_what_a_module_imported_from_us_is_found(project: Path) -> None:
    write(project / "handlers" / "ours.py", "from xml_pipeline.names import ImportPath\n")
    assert import_object("handlers.ours:ImportPath", ALLOW) is ImportPath


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("path", ["handlers.hello:json", "handlers:hello", "handlers.hello"])
def test_a_module_is_no_handler(path: str) -> None:
    assert "is a module: add the name of what is in it" in refusal(path)


def test_a_linked_module_is_refused_before_it_is_run(project: Path, tmp_path: Path) -> None:
    evil = write(tmp_path / "evil.py", "raise SystemExit")
    (project / "handlers" / "linked.py").symlink_to(evil)
    assert refusal("handlers.linked:run") == (
        f'"handlers.linked:run" is refused: the file of "handlers.linked" is really {evil}'
    )


def test_a_linked_package_is_refused_before_it_is_run(project: Path, tmp_path: Path) -> None:
    write(tmp_path / "evil" / "__init__.py", "raise SystemExit")
    write(tmp_path / "bare" / "run.py", "raise SystemExit")
    for name in ("evil", "bare"):
        (project / "handlers" / name).symlink_to(tmp_path / name)
        assert "is really" in refusal(f"handlers.{name}.run:run")


def test_a_link_that_stays_within_the_package_is_followed(project: Path) -> None:
    (project / "handlers" / "again.py").symlink_to(project / "handlers" / "hello.py")
    assert import_object("handlers.again:greet", ALLOW)


def test_the_allowed_package_itself_may_be_a_link(project: Path, tmp_path: Path) -> None:
    write(tmp_path / "release" / "run.py", "def go() -> None: ...")
    (project / "current").symlink_to(tmp_path / "release")
    assert import_object("current.run:go", ["current"])


def test_a_deeper_package_can_be_the_one_that_is_allowed(project: Path, tmp_path: Path) -> None:
    write(project / "firm" / "agents" / "a.py", "def go() -> None: ...")
    evil = write(project / "firm" / "evil.py", "raise SystemExit")
    (project / "firm" / "agents" / "b.py").symlink_to(evil)
    assert import_object("firm.agents.a:go", ["firm.agents"])
    assert "is really" in refusal("firm.agents.b:go", "firm.agents")
    assert "is not below" in refusal("firm.evil:go", "firm.agents")


def test_a_lone_module_can_be_allowed(project: Path) -> None:
    write(project / "alone.py", "def go() -> None: ...")
    assert import_object("alone:go", ["alone"])
    assert '"alone.deeper:go": no module "alone.deeper"' in refusal("alone.deeper:go", "alone")


@pytest.mark.usefixtures("project")
def test_a_missing_module_is_answered_with_its_nearest_sibling() -> None:
    with pytest.raises(PluginNotFound) as error:
        import_object("handlers.helo:greet", ALLOW)
    assert str(error.value) == (
        '"handlers.helo:greet": no module "handlers.helo"; did you mean "hello"?'
    )


def test_a_missing_package_is_answered_with_where_to_start() -> None:
    assert refusal("nowhere.at_all:x", "nowhere") == (
        '"nowhere.at_all:x": no module "nowhere"; start from the directory that "nowhere" is in'
    )


def test_a_missing_name_is_answered_with_the_nearest(project: Path) -> None:
    with pytest.raises(PluginNotFound) as error:
        import_object("handlers.hello:gret", ALLOW)
    assert str(error.value) == (
        f'"handlers.hello:gret": no "gret" in {project / "handlers" / "hello.py"};'
        ' did you mean "greet"?'
    )


def test_a_module_written_a_moment_ago_is_found(project: Path) -> None:
    assert "no module" in refusal("handlers.late:go")
    write(project / "handlers" / "late.py", "def go() -> None: ...")
    assert import_object("handlers.late:go", ALLOW)


@pytest.mark.parametrize(
    ("code", "line", "words"),
    [
        ("import nothing_there\n", 1, "ModuleNotFoundError: No module named 'nothing_there'"),
        ("x = 1\ny = 1 / 0\n", 2, "ZeroDivisionError: division by zero"),
        ("def f():\n    raise SystemExit(3)\nf()\n", 2, "SystemExit: 3"),
        ("import json\n\njson.loads('{')\n", 3, "JSONDecodeError: Expecting"),
        ("x = 1\ndef f(:\n", 2, "SyntaxError: invalid syntax"),
        ("if True:\nx = 1\n", 2, "IndentationError: expected an indented block"),
        ("from handlers.hello import nobody\n", 1, "ImportError: cannot import name 'nobody'"),
        ("x = 1\n\nraise ValueError('a\\nb')", 3, "ValueError: a b"),
    ],
)
def test_a_module_that_fails_is_told_with_its_line(
    project: Path, code: str, line: int, words: str
) -> None:
    file = write(project / "handlers" / "broken.py", code)
    with pytest.raises(ConfigError) as error:
        import_object("handlers.broken:f", ALLOW)
    (problem,) = error.value.problems
    assert problem.startswith(f'importing "handlers.broken" failed: {file}:{line}: {words}')
    assert error.value.__cause__ is not None


def test_a_keyboard_interrupt_is_not_held_up(project: Path) -> None:
    write(project / "handlers" / "stopped.py", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        import_object("handlers.stopped:f", ALLOW)


def test_a_package_that_fails_is_told_with_its_line(project: Path) -> None:
    file = write(project / "handlers" / "deep" / "__init__.py", "\n1 / 0")
    write(project / "handlers" / "deep" / "a.py", "def go() -> None: ...")
    assert f'importing "handlers.deep" failed: {file}:2: ZeroDivisionError' in (
        refusal("handlers.deep.a:go")
    )


def test_whoever_allows_what_is_built_into_python_gets_it() -> None:
    assert import_object("sys:exit", ["sys"]) is sys.exit
