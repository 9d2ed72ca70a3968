"""``ask``."""

from __future__ import annotations

import json
import sys

import click

from xml_pipeline.cli import options, words
from xml_pipeline.cli.answers import payload_of
from xml_pipeline.cli.client import JSON, XML, Outcome
from xml_pipeline.cli.exits import Failed, Misused
from xml_pipeline.cli.options import Target
from xml_pipeline.cli.output import print_json, print_result
from xml_pipeline.cli.reach import reached


@click.command()
@click.argument("listener")
@click.argument("payload")
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 600.0),
    default=60.0,
    show_default=True,
    help="How long to wait for the answer.",
)
@options.any_organism
@options.as_json
@options.asynchronous
async def ask(listener: str, payload: str, timeout: float, target: Target, as_json: bool) -> None:
    """Ask a listener something and print its answer.

    PAYLOAD is XML, JSON, or the text of a payload's one field; `-` reads it from stdin, less
    the newline at its end.
    """
    text = _stdin() if payload == "-" else payload
    async with reached(target) as client:
        message = await words.message(client, listener, text)
        accept = JSON if as_json else XML
        outcome = await client.post(message, wait=timeout, accept=accept)
    if as_json:
        print_json(json.loads(outcome.answer) if outcome.answer else dict(outcome.members))
    elif outcome.answer:
        print_result(payload_of(outcome.answer, indented=sys.stdout.isatty()))
    if outcome.fate != "answered":
        raise Failed(_why(outcome, listener, timeout))


def _stdin() -> str:
    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise Misused(f"stdin is not UTF-8: {error}") from None
    return text.removesuffix("\n")


def _why(outcome: Outcome, listener: str, seconds: float) -> str:
    if outcome.fate == "ended":
        return f"{listener} and whom it asked have nothing more to say, and did not answer"
    if outcome.fate == "accepted":
        return f"no answer within {seconds:g} s; thread {outcome.members['thread']} goes on"
    return outcome.failure
