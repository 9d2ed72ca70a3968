"""Where the source of the installed standard library lies, and what one file of it contains."""

from __future__ import annotations

import ast
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from handlers.census.payloads import SourceRead

ALL = "stdlib"
"""Stands for the whole library, where else a module's name does."""

FOLDER = Path(sysconfig.get_path("stdlib")).resolve()

_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_INSTALLED_BESIDE = frozenset({"site-packages", "dist-packages"})
_TEST_FOLDERS = frozenset({"test", "tests", "idle_test"})

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef


def sources(of: str) -> tuple[str, ...]:
    """Return the paths of a module, of a package, or of all, below the library's folder."""
    if not _NAME.fullmatch(of):
        return ()
    place = FOLDER if of == ALL else FOLDER.joinpath(*of.split("."))
    found = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    paths = [each.relative_to(FOLDER) for each in found if each.is_file()]
    return tuple(path.as_posix() for path in paths if path.parts[0] not in _INSTALLED_BESIDE)


def part_of(path: str, of: str) -> str:
    """Return which part of what is counted a file belongs to.

    A module or package right below it; or ``tests``, wherever those lie.
    """
    folder = "" if of == ALL else f"{of.replace('.', '/')}/"
    if not path.startswith(folder):
        return of  # A module: it has no parts.
    *folders, file = path.removeprefix(folder).split("/")
    if not _TEST_FOLDERS.isdisjoint(folders):
        return "tests"
    return next(iter(folders), file.removesuffix(".py"))


def read_source(path: str) -> SourceRead:
    """Return what one file of the library contains.

    Raises OSError, and SyntaxError or ValueError where it holds no Python of this version.
    """
    file = (FOLDER / path).resolve()
    if not file.is_relative_to(FOLDER):
        raise ValueError(f"{path!r} is no part of the standard library")
    source = file.read_bytes()
    tree = ast.parse(source, path)
    definitions = tuple(_definitions(tree))
    functions = {name: each for name, each in definitions if isinstance(each, Function)}
    longest = max(functions, key=lambda name: _lines(functions[name]), default="")
    return SourceRead(
        lines=len(source.splitlines()),
        classes=sum(isinstance(each, ast.ClassDef) for _, each in definitions),
        functions=sum(isinstance(each, Function) for _, each in definitions),
        documented=sum(map(_has_docstring, (tree, *(each for _, each in definitions)))),
        longest=longest,
        longest_lines=_lines(functions[longest]) if longest else 0,
    )


def _definitions(tree: ast.Module) -> Iterator[tuple[str, Definition]]:
    """Yield every class and function with its dotted name.

    Only statements can hold one. Looking into no expression, this is ten times as fast as
    ``ast.walk``.
    """
    waiting: list[tuple[str, ast.AST]] = [("", tree)]
    while waiting:
        path, node = waiting.pop()
        for child in _statements(node):
            name = path
            if isinstance(child, Definition):
                name = f"{path}.{child.name}" if path else child.name
                yield name, child
            waiting.append((name, child))


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    for block in ("body", "handlers", "orelse", "finalbody", "cases"):
        yield from getattr(node, block, ())


def _lines(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _has_docstring(node: ast.Module | Definition) -> bool:
    return ast.get_docstring(node, clean=False) is not None
