"""What the guide shows is done, and what it says that happens then happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import Block, Page, agrees, commands, pages
from tests.docs.playing import PLAYS, play

MOST_NOT_RUN = 3


@pytest.mark.no_cover
@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_block_of_a_page_does_what_the_page_says(page: Page, tmp_path: Path) -> None:
    play(page, tmp_path)
    assert page.text.startswith("# ")


def test_few_blocks_are_not_run() -> None:
    everything = [block for page in pages() for block in page.blocks]
    assert len([block for block in everything if "not-run" in block.words]) <= MOST_NOT_RUN
    assert {block.language for block in everything if "not-run" not in block.words} <= PLAYS.keys()


def fenced(info: str, text: str = "") -> Page:
    return Page("page.md", f"# Page\n\n```{info}\n{text}\n```\n")


@pytest.mark.parametrize(
    "page",
    [
        fenced("python", "raise SystemExit(1)"),
        Page("page.md", "```python\nprint(1)\n```\n```text\n2\n```\n"),
        fenced("console", "$ echo one\ntwo"),
        fenced("console", "$ false"),
        fenced("console fails", "$ true"),
        fenced("console background", "$ python -c 'print(1)'"),
        fenced("console background", "$ true\n$ true"),
        fenced("mermaid file=config/organism.yaml", "flowchart LR"),
        fenced("mermaid", "flowchart LR"),
        fenced("mermaid", "sequenceDiagram"),
        fenced("mermaid", "sequenceDiagram\n    participant a\n    a->>b: hello"),
    ],
    ids=lambda page: page.text.replace("\n", " "),
)
def test_a_block_that_does_not_do_what_it_says_is_found(page: Page, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        play(page, tmp_path)


@pytest.mark.parametrize("info", ["", "bash", "python later", "python file=a file=b"])
def test_a_block_that_nobody_understands_is_refused(info: str) -> None:
    with pytest.raises(ValueError, match=r"page.md:3: nobody knows"):
        _ = fenced(info).blocks


@pytest.mark.parametrize("text", ["", "echo", "one\n$ echo"])
def test_a_console_block_without_a_prompt_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="begins with a command"):
        commands(Block("page.md:1", "console", frozenset(), "", text))


def test_a_terminal_shows_what_people_see(tmp_path: Path) -> None:
    text = (
        "$ printf '\\033[32m1 of 2\\r2 of 2\\033[0m\\n' >&2\n2 of 2\n$ test -t 1 && tput cols\n100"
    )
    play(fenced("console", text), tmp_path)
    assert agrees("thread 7 is open", "thread … is open")
    assert not agrees("thread 7 is closed", "thread … is open")
