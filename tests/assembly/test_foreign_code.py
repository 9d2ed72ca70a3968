"""S10: what may never be imported is refused before it is."""

from __future__ import annotations

import sys

import pytest

from tests.assembly.projects import GREETER, Project, organism


@pytest.mark.parametrize(
    "path",
    [
        "os:system",
        "os.system",
        "subprocess:run",
        "builtins:eval",
        "handlers.__loader__:load_module",
        "handlers.evil:__loader__",
        "handlers..evil:run",
        "../handlers/evil:run",
        "handlersx.evil:run",
        "handlers.link:run",
        "handlers.evil:system",
    ],
)
def test_foreign_code_is_refused_before_it_is_imported(project: Project, path: str) -> None:
    ran = project.root / "ran"
    evil = (
        f"from os import system\nopen({str(ran)!r}, 'w')\nasync def run(payload, metadata): ...\n"
    )
    project.greets("Hello")
    project.write("handlersx/evil.py", evil)
    project.write("elsewhere/evil.py", evil)
    project.write("handlers/evil.py", evil.replace("open", "# "))
    (project.root / "handlers/link.py").symlink_to(project.root / "elsewhere/evil.py")
    listener = GREETER.replace("handlers.greeter:greet}", f'"{path}"}}')
    project.write("organism.yaml", organism(listener))
    before = {*sys.modules}
    problems = project.problems()
    assert any("listeners[0].handler" in each for each in problems)
    assert not ran.exists()
    assert not {name for name in sys.modules if name not in before and "handlers" in name}
