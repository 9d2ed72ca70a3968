"""Plays a block of a page: what is written there is done, and what it shows is compared."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from lxml import etree

from tests.docs.pages import Block, Page, agrees, commands
from tests.docs.stage import Stage
from tests.house.source import ROOT
from xml_pipeline.config import load_config
from xml_pipeline.payload import compile_schema
from xml_pipeline.steps.xml import strict_parser

_SAYS = re.compile(r"([\w.]+)-?->>([\w.]+):")


def play(page: Page, folder: Path) -> None:
    """Play all blocks of a page in order; AssertionError names the place that does not hold."""
    blocks = page.blocks
    with Stage.open(folder) as stage:
        for block, below in zip(blocks, (*blocks[1:], None), strict=False):
            if "not-run" in block.words:
                continue
            if block.file and block.language != "mermaid":
                stage.write(block.file, block.text)
            PLAYS[block.language](stage, block, below)


def _play_python(stage: Stage, block: Block, below: Block | None) -> None:
    if block.file:
        return  # It is there now; what runs it comes further down.
    code, shown = stage.run_program(block.text)
    assert code == 0, f"{block.place}: exit code {code}\n{shown}"
    if below is not None and below.language == "text":
        _compare(block, shown, below.text)


def _play_yaml(stage: Stage, block: Block, below: Block | None) -> None:
    says_something = any(line and not line.startswith("#") for line in block.text.splitlines())
    if says_something and not block.file:
        name = f"line-{block.place.rpartition(':')[2]}.yaml"
        stage.write(name, block.text)
        load_config(stage.folder / name)


def _play_console(stage: Stage, block: Block, below: Block | None) -> None:
    *first, last = commands(block)
    if "background" in block.words:
        assert not first, f"{block.place}: one command runs in the background"
        stage.start(last.line)
        return
    for command in (*first, last):
        code, shown = stage.run_command(command.line)
        fails = "fails" in block.words and command is last
        assert (code != 0) == fails, f"{block.place}: {command.line}: exit code {code}\n{shown}"
        if command.shown and "sample" not in block.words:
            _compare(block, shown, command.shown)


def _play_xml(stage: Stage, block: Block, below: Block | None) -> None:
    root = etree.fromstring(block.text.encode(), strict_parser())
    if etree.QName(root).localname == "message":
        compile_schema((ROOT / "schemas" / "envelope.xsd").read_bytes()).assertValid(root)


def _play_json(stage: Stage, block: Block, below: Block | None) -> None:
    json.loads(block.text)


def _play_mermaid(stage: Stage, block: Block, below: Block | None) -> None:
    if not block.file:
        _check_sequence(block)
        return
    code, shown = stage.run_command(f"python -m xml_pipeline graph {block.file}")
    assert code == 0, shown
    _compare(block, shown, block.text)


def _check_sequence(block: Block) -> None:
    first, *lines = (line.strip() for line in block.text.splitlines())
    assert first == "sequenceDiagram", f"{block.place}: it is drawn of no file"
    declared = {line.split()[1] for line in lines if line.startswith(("participant ", "actor "))}
    said = [found for line in lines if (found := _SAYS.match(line)) is not None]
    speaking = {name for found in said for name in found.groups()}
    assert speaking, f"{block.place}: nobody says anything"
    assert speaking <= declared, f"{block.place}: {speaking - declared} are not declared"


def _play_nothing(stage: Stage, block: Block, below: Block | None) -> None:
    """Leave a block alone: a text was compared with the block above it."""


PLAYS: Mapping[str, Callable[[Stage, Block, Block | None], None]] = MappingProxyType(
    {
        "python": _play_python,
        "yaml": _play_yaml,
        "console": _play_console,
        "xml": _play_xml,
        "json": _play_json,
        "mermaid": _play_mermaid,
        "text": _play_nothing,
        "sh": _play_nothing,
    }
)


def _compare(block: Block, shown: str, said: str) -> None:
    assert agrees(shown, said), f"{block.place} says\n{said}\nbut what is shown is\n{shown}"
