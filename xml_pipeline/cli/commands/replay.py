"""``replay``."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path
from typing import Any

import click

from xml_pipeline.assembly import assemble_sandbox, backend_of
from xml_pipeline.backends import PastConversation
from xml_pipeline.cli import options
from xml_pipeline.cli.client import connected, path
from xml_pipeline.cli.exits import FAILED, Failed, Unreachable
from xml_pipeline.cli.life import journal_file
from xml_pipeline.cli.locate import locate
from xml_pipeline.cli.options import Target
from xml_pipeline.cli.output import print_json, print_result, remark
from xml_pipeline.cli.story import past_of
from xml_pipeline.cli.text_logs import text_lines
from xml_pipeline.logs import log_lines
from xml_pipeline.replay import Decision, Replay, Step, states_in
from xml_pipeline.replay import replay as run_again


@click.command()
@click.argument("thread")
@options.organism_file
@options.running_organism
@options.as_json
@options.asynchronous
async def replay(thread: str, file: Path, target: Target, as_json: bool) -> None:
    """Run a past conversation again, and show what comes out otherwise.

    Each message of THREAD, a conversation of the journal, is handled once more by the handlers
    of the organism file, as they are now; what they decide is compared, and sent nowhere. Exit
    code 1 where anything differs.
    """
    past = await _past(thread, file, target)
    with log_lines(text_lines(colors=False), "critical"):
        result = await run_again(assemble_sandbox(file, states_in(past)).kernel, past)
    if as_json:
        print_json(_members(result))
    else:
        _tell(result)
    if not result.same:
        raise click.exceptions.Exit(FAILED)


async def _past(thread: str, file: Path, target: Target) -> PastConversation:
    """Return the log, from the organism that runs; from its journal where none does."""
    try:
        async with connected(*locate(target)) as client:
            return past_of(await client.show(path("threads", thread, "log")))
    except Unreachable:
        if target.url is not None:
            raise
    backend = backend_of(file, journal_file(file))
    past = None
    if backend is not None:
        await backend.open()
        try:
            past = await backend.conversation(thread)
        finally:
            await backend.close()
    if past is None:
        raise Failed(f"the journal of {file} has no conversation {thread}")
    return past


def _tell(result: Replay) -> None:
    for step in result.steps:
        if not step.same:
            print_result(f"{step.message_id}  {step.listener}, attempt {step.attempt}:")
            for line in _difference(step):
                print_result(f"  {line}")
    skipped = f"; {result.skipped} not run again" if result.skipped else ""
    different = sum(not each.same for each in result.steps)
    outcome = f"{different} would be decided otherwise" if different else "all decided the same"
    remark(f"{len(result.steps)} messages, {outcome}{skipped}.")


def _difference(step: Step) -> list[str]:
    """Return what was decided then (``-``) and would be now (``+``)."""
    if step.hindrance:
        return [f"! {step.hindrance}"]
    then, now = ([_text(each) for each in some] for some in (step.then, step.now))
    if then == now:
        return ["! the same in other circumstances: its depth, or the message it answers"]
    return [*unified_diff(then, now, lineterm="", n=100)][3:]


def _text(decision: Decision) -> str:
    payload = decision.payload.decode(errors="replace")
    return f"{decision.words}: {payload}" if payload else decision.words


def _members(result: Replay) -> dict[str, Any]:
    return {
        "conversation": result.conversation,
        "same": result.same,
        "skipped": result.skipped,
        "messages": [
            {
                "message": each.message_id,
                "listener": each.listener,
                "attempt": each.attempt,
                "same": each.same,
                "then": [_text(one) for one in each.then],
                "now": [_text(one) for one in each.now],
                "hindrance": each.hindrance or None,
            }
            for each in result.steps
        ],
    }
