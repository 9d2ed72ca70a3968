"""The default organism: everything in it answers, and every key of the file is explained."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
import yaml

from handlers.calculator import Calculate, Calculated, CannotCalculate
from handlers.concierge import Remark
from handlers.council import Advice, Question
from handlers.greeter import Greeted, Greeting
from handlers.herald import Announcement, Words
from tests.house.source import ROOT
from xml_pipeline import Listener, Organism, OrganismConfig
from xml_pipeline.config import load_config
from xml_pipeline.testing import Probe

FILE = ROOT / "config" / "organism.yaml"
FRAMED = "\n┌────────┐\n│ DINNER │\n└────────┘\n"


@pytest.mark.parametrize(
    ("to", "payload", "answer"),
    [
        ("greeter", Greeting("Ada"), Greeted("Hello, Ada!")),
        ("calculator", Calculate("6 * 7"), Calculated("6 * 7", Decimal(42))),
        ("calculator", Calculate("1/0"), CannotCalculate("nothing can be divided by zero")),
        ("herald", Announcement("dinner"), Words(FRAMED)),
        ("framer", Words(""), Words("\n┌──┐\n│  │\n└──┘\n")),
        ("concierge", Remark("Ada"), Greeted("Hello, Ada!")),
        ("concierge", Remark("6 * 7"), Calculated("6 * 7", Decimal(42))),
    ],
)
async def test_every_listener_answers(to: str, payload: object, answer: object) -> None:
    async with Organism.load(FILE) as organism:
        assert await organism.ask(to, payload, timeout=10.0) == answer


async def test_the_herald_is_reached_through_the_concierge() -> None:
    async with Organism.load(FILE) as organism:
        answer = await organism.ask("concierge", Remark("dinner!"), timeout=10.0)
    assert "│ DINNER! │" in answer.text


@pytest.mark.parametrize(
    ("question", "pedantry"),
    [
        ("Shall I go?", "Your question has 3 words."),
        ("Shall I", "Your question has 2 words, and no question mark."),
    ],
)
async def test_the_council_gathers_every_opinion_in_order(question: str, pedantry: str) -> None:
    async with Organism.load(FILE) as organism:
        advice = await organism.ask("council", Question(question), timeout=10.0)
    assert [line.partition(":")[0] for line in advice.text.splitlines()] == [
        "optimist",
        "pessimist",
        "pedant",
    ]
    assert advice.text.endswith(pedantry)


async def test_a_question_reaches_the_council_through_the_concierge() -> None:
    async with Organism.load(FILE) as organism:
        answer = await organism.ask("concierge", Remark("Shall I?"), timeout=10.0)
    assert isinstance(answer, Advice)


def without(organism: Organism, name: str) -> list[Listener]:
    return [
        each
        for each in organism.listeners
        if each.name != name and not each.name.startswith("system.")
    ]


def fail(payload: Any, metadata: Any) -> Any:
    raise RuntimeError("out of order")


async def test_the_council_does_without_an_adviser_who_fails() -> None:
    pedant = Probe("pedant", Question, fail, group="advisers")
    listeners = [*without(Organism.load(FILE), "pedant"), pedant.listener]
    async with Organism(listeners) as organism:
        advice = await organism.ask("council", Question("Shall I?"), timeout=10.0)
    assert advice.text.endswith("pedant: (has nothing to say)")


async def test_the_herald_says_which_step_failed() -> None:
    framer = Probe("framer", Words, fail)
    listeners = [*without(Organism.load(FILE), "framer"), framer.listener]
    async with Organism(listeners) as organism:
        answer = await organism.ask("herald", Announcement("dinner"), timeout=10.0)
    assert answer.text.startswith("framer: The receiver could not handle this message.")


def test_the_file_has_no_problem_and_no_warning() -> None:
    assert load_config(FILE).warnings == ()


def keys(schema: Mapping[str, Any], sections: Mapping[str, Any]) -> Iterator[str]:
    """Yield every key that an organism file may have, at any depth."""
    for section in (schema, *sections.values()):
        yield from section["properties"]


def unexplained(text: str) -> list[str]:
    """Return the keys that stand nowhere in an organism file, not even commented out."""
    schema = OrganismConfig.model_json_schema()
    written = set(re.findall(r"[{#\-\s]([a-z][a-z0-9_]*):", text))
    return sorted(set(keys(schema, schema["$defs"])) - written)


def test_every_key_there_is_stands_in_the_file() -> None:
    assert unexplained(FILE.read_text(encoding="utf-8")) == []


def test_a_key_that_stands_nowhere_is_found() -> None:
    assert "process_pool" in unexplained(yaml.safe_dump({"listeners": []}))
