"""Projects for tests: an organism file and handler modules in a directory of their own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

from xml_pipeline.errors import ConfigError
from xml_pipeline.organism import Organism

PACKAGES = ("handlers", "organisms", "elsewhere")
"""Packages that projects may have."""

PAYLOADS = """
    from dataclasses import dataclass

    from xml_pipeline import HandlerMetadata, HandlerResponse, xmlify


    @xmlify
    @dataclass(frozen=True, slots=True)
    class Greeting:
        name: str


    @xmlify
    @dataclass(frozen=True, slots=True)
    class Greeted:
        text: str
    """

HANDLER = """
    async def greet(payload: Greeting, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.respond(Greeted(f"{word}, {{payload.name}}!"))
    """

GREETER = (
    "{name: greeter, description: Greets., payload_class: handlers.greeter:Greeting,"
    " handler: handlers.greeter:greet}"
)
"""A listener of the module that ``greeter`` writes."""


def greeter(word: str) -> str:
    """Return a module whose ``greet`` answers with this word."""
    return dedent(PAYLOADS) + "\n" + dedent(HANDLER).format(word=word)


def organism(*listeners: str, **settings: str) -> str:
    """Return an organism file with these settings and listeners."""
    lines = [*(f"{key}: {value}" for key, value in settings.items()), "listeners:"]
    return "\n".join([*lines, *(f"  - {each}" for each in listeners)]) + "\n"


@dataclass(frozen=True, slots=True)
class Project:
    """A directory with an organism file and the packages beside it."""

    root: Path

    @property
    def file(self) -> Path:
        """The organism file."""
        return self.root / "organism.yaml"

    def write(self, path: str, text: str) -> Path:
        """Write a file of the project, in a package of its own unless it lies at the top.

        Without ``__init__.py`` a package of the same name further down the path would win.
        """
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.parent != self.root:
            (file.parent / "__init__.py").touch()
        file.write_text(dedent(text))
        return file

    def greets(self, word: str) -> None:
        """Write a whole project: one listener, which greets with this word."""
        self.write("handlers/greeter.py", greeter(word))
        self.write("organism.yaml", organism(GREETER))

    def problems(self) -> list[str]:
        """Return what is wrong with the project, each as ``line:column: …``."""
        with pytest.raises(ConfigError) as refusal:
            Organism.load(self.file)
        return [each.removeprefix(f"{self.file}:") for each in refusal.value.problems]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Give an empty project."""
    with project_in(tmp_path) as project:
        yield project


@contextmanager
def project_in(folder: Path) -> Iterator[Project]:
    """Give an empty project; afterwards its modules are forgotten, and others are back."""
    path, others = sys.path[:], _loaded()
    _forget()
    yield Project(folder)
    _forget()
    sys.modules.update(others)
    sys.path[:] = path


def _loaded() -> dict[str, ModuleType]:
    return {name: each for name, each in sys.modules.items() if name.partition(".")[0] in PACKAGES}


def _forget() -> None:
    for name in _loaded():
        del sys.modules[name]
