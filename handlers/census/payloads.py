"""What the listeners of a census say to each other. Sizes are in lines; methods are functions."""

from __future__ import annotations

from dataclasses import dataclass

from xml_pipeline import xmlify


@xmlify
@dataclass(frozen=True, slots=True)
class Census:
    """Count a module or package of the standard library, or all of it: ``stdlib``."""

    of: str


@xmlify
@dataclass(frozen=True, slots=True)
class NothingToCount:
    """Why there is nothing to count."""

    reason: str


@xmlify
@dataclass(frozen=True, slots=True)
class ReadSource:
    """Read one source file; ``path`` is below the folder of the standard library."""

    path: str


@xmlify
@dataclass(frozen=True, slots=True)
class SourceRead:
    """What one file contains, nested definitions included.

    ``documented`` counts what has a docstring: the module itself, classes, functions.
    ``longest`` is the dotted name of the longest function, empty where there is none.
    """

    lines: int
    classes: int
    functions: int
    documented: int
    longest: str
    longest_lines: int


@xmlify
@dataclass(frozen=True, slots=True)
class SourceRefused:
    """Why a file could not be read as Python of this version."""

    reason: str


@xmlify
@dataclass(frozen=True, slots=True)
class Progress:
    """So many of the files have been read."""

    done: int
    total: int


@xmlify
@dataclass(frozen=True, slots=True)
class Part:
    """What a module or package contains."""

    name: str
    modules: int
    lines: int
    classes: int
    functions: int
    documented: int


@xmlify
@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a census: its parts, those with the most lines first.

    ``refused`` are the paths of files that could not be read.
    """

    of: str
    python: str
    parts: tuple[Part, ...]
    longest: str
    longest_lines: int
    refused: tuple[str, ...]


@xmlify
@dataclass(frozen=True, slots=True)
class Table:
    """A report for people."""

    text: str
