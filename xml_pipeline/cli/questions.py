"""Questions to people on a terminal: how they are shown, and what somebody says to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xml_pipeline.cli.client import Client, path
from xml_pipeline.cli.exits import Failed

QUESTIONS = "AskPeople"
"""The payload with which people are asked."""


async def questions_waiting(client: Client) -> Sequence[dict[str, Any]]:
    """Return what is asked and not answered, each with its thread as ``id``."""
    found: Sequence[dict[str, Any]] = (await client.show(path("questions")))["questions"]
    return found


async def answer_questions(client: Client, begun: str, lines: Sequence[str]) -> dict[str, Any]:
    """Answer what is asked on the one thread whose id begins so; Failed where that cannot be."""
    found = await questions_waiting(client)
    fitting = [each for each in found if each["id"].startswith(begun)]
    if len(fitting) != 1:
        raise Failed(f"{'Nothing is' if not fitting else 'Several are'} asked on {begun!r}.")
    questions = fitting[0]["questions"]
    if len(lines) != len(questions):
        raise Failed(f"{len(questions)} answers are wanted, one for each question.")
    said = [meant(*each) for each in zip(questions, lines, strict=True)]
    told: dict[str, Any] = await client.say(path("questions", fitting[0]["id"]), {"answers": said})
    return told


def shown(question: Mapping[str, Any]) -> Iterator[str]:
    """Yield a question, then what there is to choose from, with numbers."""
    header = f"{question['header']}: " if question.get("header") else ""
    several = " (several, with commas between them)" if question.get("multiple") else ""
    yield f"{header}{question['question']}{several}"
    for number, choice in enumerate(question["options"], 1):
        about = f": {choice['description']}" if choice.get("description") else ""
        yield f"  {number}  {choice['label']}{about}"


def meant(question: Mapping[str, Any], line: str) -> str:
    """Return the answer that a line is: a number means its choice, all else is said as it is."""
    labels = [str(each["label"]) for each in question["options"]]
    words = line.split(",") if question.get("multiple") else [line]
    return ", ".join(_choice(labels, each.strip()) for each in words)


def _choice(labels: list[str], word: str) -> str:
    is_number = word.isascii() and word.isdecimal() and len(word) < 4
    number = int(word) if is_number else 0
    return labels[number - 1] if 0 < number <= len(labels) else word
