"""``ask``."""

from __future__ import annotations

import asyncio
import json
import sys

import click

from xml_pipeline.cli import options, words
from xml_pipeline.cli.answers import payload_of
from xml_pipeline.cli.client import JSON, XML, Client, Message, Outcome, path
from xml_pipeline.cli.exits import Failed, Misused
from xml_pipeline.cli.options import Target
from xml_pipeline.cli.output import print_json, print_result, remark
from xml_pipeline.cli.reach import spoken_with
from xml_pipeline.cli.speaking import Speaker
from xml_pipeline.cli.talking import Talk, words_of


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
@click.option("--verbose", "-v", is_flag=True, help="Print every event, as JSON lines on stderr.")
@options.any_organism
@options.as_json
@options.asynchronous
async def ask(  # one argument an option
    listener: str, payload: str, timeout: float, target: Target, as_json: bool, verbose: bool
) -> None:
    """Ask a listener something and print its answer.

    What an agent answers is printed while it comes.

    PAYLOAD is XML, JSON, or the text of a payload's one field; `-` reads it from stdin, less
    the newline at its end.
    """
    text = _stdin() if payload == "-" else payload
    async with spoken_with(target, attended=False) as client:
        message = await words.message(client, listener, text)
        if verbose or (not as_json and await _is_agent(client, listener)):
            await _hear_out(client, listener, message, timeout, verbose=verbose)
            return
        accept = JSON if as_json else XML
        outcome = await client.post(message, wait=timeout, accept=accept)
    if as_json:
        print_json(json.loads(outcome.answer) if outcome.answer else dict(outcome.members))
    elif outcome.answer:
        print_result(payload_of(outcome.answer, indented=sys.stdout.isatty()))
    if outcome.fate != "answered":
        raise Failed(_why(outcome, listener, timeout))


async def _is_agent(client: Client, listener: str) -> bool:
    """Tell whether this is an agent; of one that is not shown, the message tells more."""
    try:
        shown = await client.show(path("listeners", listener))
    except Failed:
        return False
    return bool(shown["agent"])


async def _hear_out(
    client: Client, listener: str, message: Message, seconds: float, *, verbose: bool
) -> None:
    """Print an answer while it comes, and then what it took, whatever came of it."""
    speaker = Speaker(listener, verbose=verbose)
    talk = Talk(client, listener, speaker.show, session=False)
    try:
        async with asyncio.timeout(seconds):
            reply = await talk.ask(message)
    except Failed:
        speaker.end()
        remark(f"({talk.cost})")
        raise
    except TimeoutError:
        raise Failed(f"no answer within {seconds:g} s; its thread goes on") from None
    finally:
        speaker.end()
    if not speaker.spoke:
        print_result(words_of(reply.payload))
    remark(f"({reply.cost})")


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
