"""What the house rules look at: the files that git tracks, and their syntax trees.

A rule is a function from one `Source` to the places that break it, so that a test can run it
over the whole repository and another can show it a bad snippet.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file: its path below the repository's root, its text, its tree.

    ``nodes`` are all of the tree: it is walked once, for to walk takes longer than to judge.
    """

    path: str
    text: str
    tree: ast.Module = field(init=False, repr=False, compare=False)
    nodes: tuple[ast.AST, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tree", ast.parse(self.text, self.path))
        object.__setattr__(self, "nodes", tuple(ast.walk(self.tree)))

    @property
    def is_test(self) -> bool:
        """Whether pytest collects tests from it."""
        return self.path.startswith("tests/") and Path(self.path).name.startswith("test_")

    def place(self, node: ast.stmt | ast.expr | ast.excepthandler, finding: str) -> str:
        """Return ``path:line: finding``."""
        return f"{self.path}:{node.lineno}: {finding}"


Rule = Callable[[Source], Iterator[str]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def tracked(*patterns: str) -> list[Path]:
    """Return the tracked files that match, absolute, those just deleted left out."""
    # Whoever owns the clone, reading its index is safe.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--", *patterns]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = (ROOT / name for name in listing.split("\0") if name)
    return [path for path in paths if path.is_file()]


@cache
def python_sources() -> tuple[Source, ...]:
    """Parse every tracked Python file, once for all rules."""
    return tuple(
        Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in tracked("*.py")
    )


def findings(rule: Rule) -> list[str]:
    """Return every place in the repository that breaks the rule."""
    return [place for source in python_sources() for place in rule(source)]


def functions(source: Source) -> Iterator[Function]:
    """Yield every function and method, however deep."""
    return (node for node in source.nodes if isinstance(node, Function))


def collected_tests(source: Source) -> Iterator[Function]:
    """Yield the functions that pytest would collect from a test file."""
    if source.is_test:
        yield from (each for each in functions(source) if each.name.startswith("test_"))


def dotted(node: ast.expr) -> str:
    """Return ``a.b.c`` for a chain of attributes on a name, else the empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := dotted(node.value)):
        return f"{base}.{node.attr}"
    return ""


def imported_modules(nodes: Iterable[ast.AST]) -> Iterator[tuple[ast.stmt, str]]:
    """Yield each absolute import as the dotted names it reaches for."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)
