"""``approvals``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from xml_pipeline.cli import options
from xml_pipeline.cli.client import Client, connected, path
from xml_pipeline.cli.commands.threads import ListsByDefault, local_time
from xml_pipeline.cli.exits import Failed, Misused
from xml_pipeline.cli.locate import locate
from xml_pipeline.cli.options import Target
from xml_pipeline.cli.output import print_json, print_table, remark

_Options = Callable[[Any], Any]


def _deciding(command: Any) -> Any:
    """Add what allowing and denying have in common."""
    wanted: Sequence[_Options] = (
        click.argument("thread"),
        click.option("--always", is_flag=True, help="Do not ask again for this very call."),
        click.option(
            "--same",
            metavar="PATH",
            multiple=True,
            help="With --always: nor for others with the same argument.",
        ),
        click.option("--any", "anything", is_flag=True, help="With --always: nor for any other."),
        click.option("--reason", metavar="TEXT", default="", help="Why."),
        options.running_organism,
        options.as_json,
        options.asynchronous,
    )
    for each in reversed(wanted):
        command = each(command)
    return command


@click.group(cls=ListsByDefault)
def approvals() -> None:
    """List calls that wait for a decision; allow or deny them.

    Without a subcommand: `list`.
    """


@approvals.command("list")
@click.option("--learned", is_flag=True, help="What was decided for always, instead.")
@click.option("--forget", metavar="RULE", help="Ask again where RULE decided for always.")
@options.running_organism
@options.as_json
@options.asynchronous
async def list_approvals(target: Target, as_json: bool, learned: bool, forget: str | None) -> None:
    """List the calls that wait, the oldest first."""
    async with connected(*locate(target)) as client:
        if forget is not None:
            await client.order("DELETE", path("permissions", "learned", forget))
            remark(f"Forgotten: {forget}.")
        elif learned:
            _list_learned((await client.show(path("permissions", "learned")))["rules"], as_json)
        else:
            shown = await client.show(path("approvals"))
            _list_waiting(shown["approvals"], as_json)
            for node in shown.get("unheard", ()):
                remark(f"The node {node} does not answer: what waits there is missing.")


@approvals.command()
@_deciding
async def allow(**given: Any) -> None:
    """Let the call that waits on THREAD go on; the beginning of its id will do."""
    await _decide("allow", **given)


@approvals.command()
@_deciding
async def deny(**given: Any) -> None:
    """Refuse the call that waits on THREAD; the beginning of its id will do."""
    await _decide("deny", **given)


async def _decide(  # noqa: PLR0913  # one for each option
    word: str,
    target: Target,
    thread: str,
    always: bool,
    same: tuple[str, ...],
    anything: bool,
    reason: str,
    as_json: bool,
) -> None:
    if (same and anything) or ((same or anything) and not always):
        raise Misused("--same or --any, one of the two, says for which calls --always is meant")
    said: dict[str, object] = {"decision": f"always_{word}" if always else word, "reason": reason}
    if same or anything:
        said["arguments"] = list(same)
    async with connected(*locate(target)) as client:
        told = await client.say(path("approvals", await _waiting(client, thread)), said)
    if as_json:
        print_json(told)
    else:
        done = "Allowed" if word == "allow" else "Denied"
        remark(f"{done}: {told['tool']} for {told['agent']}.")


async def _waiting(client: Client, begun: str) -> str:
    """Return the id of the one call that waits whose id begins so."""
    found = (await client.show(path("approvals")))["approvals"]
    ids = [str(each["id"]) for each in found if each["id"].startswith(begun)]
    if len(ids) != 1:
        raise Failed(f"{'Nothing waits' if not ids else 'Several calls wait'} on {begun!r}.")
    return ids[0]


def _list_waiting(found: Sequence[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    rows = (
        (
            each["id"],
            each["agent"],
            each["tool"],
            each["principal"],
            local_time(each["expires"]),
            each["payload"],
        )
        for each in found
    )
    print_table(("thread", "agent", "tool", "for", "until", "call"), rows)


def _list_learned(rules: Sequence[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(rules)
        return
    rows = (
        (each["id"], each["action"], each["tool"], each["principal"], each["by"], _calls(each))
        for each in rules
    )
    print_table(("rule", "action", "tool", "for", "by", "calls"), rows)


def _calls(rule: dict[str, Any]) -> str:
    """Return which calls a learned rule is about."""
    if rule["digest"]:
        return f"one: {rule['digest'][:12]}"
    named = (f"{at}={', '.join(texts)}" for at, texts in rule["arguments"].items())
    return "; ".join(named) or "any"
