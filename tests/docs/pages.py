"""The pages of the guide, taken apart into the blocks of code that stand in them.

What is done with a block is said behind its opening fence, where GitHub shows nothing:

    ```python                 a program: run; a `text` block right below it is what it prints
    ```python file=a/b.py     a file of the reader's, of any language: written, or added to
    ```yaml                   an organism file: read
    ```console                commands, each behind `$ `, and what a terminal then shows
    ```console fails          the same; the last command fails
    ```console background     one command, which runs until the page ends
    ```console sample         run, but what it shows is that of one machine: not compared
    ```sh not-run             neither run nor compared
    ```mermaid file=x.yaml    what `graph` draws of that file
    ```mermaid                a sequence diagram, in which everybody who says something is declared

In what is shown, … stands for whatever else is there; of a command that is shown to print nothing,
only the exit code counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.house.source import ROOT

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)

LANGUAGES = frozenset({"python", "yaml", "console", "sh", "text", "xml", "json", "mermaid"})
WORDS = frozenset({"fails", "background", "sample", "not-run"})


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, the words behind it, its text, and where it stands."""

    place: str
    language: str
    words: frozenset[str]
    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the guide."""

    name: str
    text: str

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks, in order; ValueError where one says what nobody understands."""
        return tuple(self._block(found) for found in _FENCE.finditer(self.text))

    def _block(self, found: re.Match[str]) -> Block:
        place = f"{self.name}:{self.text.count(chr(10), 0, found.start()) + 1}"
        language, *rest = found["info"].split() or [""]
        files = [word.removeprefix("file=") for word in rest if word.startswith("file=")]
        words = frozenset(word for word in rest if not word.startswith("file="))
        if language not in LANGUAGES or words - WORDS or len(files) > 1:
            raise ValueError(f"{place}: nobody knows what to do with ```{found['info']}")
        return Block(place, language, words, "".join(files), found["text"])


def pages() -> tuple[Page, ...]:
    """Return the README and every page below docs."""
    files = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return tuple(
        Page(file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")) for file in files
    )


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody types, and what the page says is shown then."""

    line: str
    shown: str


def commands(block: Block) -> tuple[Command, ...]:
    """Return the commands of a console block; ValueError where it begins with none."""
    first, *parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    if first or not parts:
        raise ValueError(f"{block.place}: a console block begins with a command")
    return tuple(Command(*part.partition("\n")[::2]) for part in parts)


def agrees(shown: str, said: str) -> bool:
    """Tell whether what is shown is what the page says; … stands for anything."""
    pieces = map(re.escape, said.strip().split("…"))
    return re.fullmatch(".*?".join(pieces), shown.strip(), re.DOTALL) is not None
