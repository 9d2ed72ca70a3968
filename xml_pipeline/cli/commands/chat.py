"""``chat``."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

import click

from xml_pipeline.cli import options
from xml_pipeline.cli.assistant import assistant_file
from xml_pipeline.cli.client import Client
from xml_pipeline.cli.exits import Failed, Misused
from xml_pipeline.cli.options import Target
from xml_pipeline.cli.output import print_result, remark
from xml_pipeline.cli.reach import spoken_with
from xml_pipeline.cli.speaking import Speaker
from xml_pipeline.cli.talking import Talk, words_of

HELP = """/cost   what it has taken so far
/kill   stop what it is at, and begin a new conversation
/new    begin a new conversation
/allow ID, /deny ID   decide what an agent asks leave for
/exit   leave; Ctrl-D does so too"""


@click.command()
@click.argument("agent", required=False)
@click.option("--verbose", "-v", is_flag=True, help="Print every event, as JSON lines on stderr.")
@options.any_organism
@options.asynchronous
async def chat(agent: str | None, target: Target, verbose: bool) -> None:
    """Talk with an agent, line by line.

    Without an organism that runs, or a file that is named, an assistant of its own is started:
    with a key in the environment a real model thinks for it, without one a script does.
    """
    target, said = assistant_file(target)
    if said:
        remark(said)
    async with spoken_with(target) as client:
        name = agent or await only_agent(client)
        remark(f"Talking with {name}. /help tells what else there is; Ctrl-D ends it.")
        await _Chat(client, name, verbose=verbose).go_on()


async def only_agent(client: Client) -> str:
    """Return the first agent that takes a task in words; Misused where there is none."""
    shown = await client.show("/v1/listeners")
    agents = [each["name"] for each in shown["listeners"] if each["agent"]]
    for name in agents:
        return str(name)
    raise Misused("there is no agent in this organism: name a listener to `ask`")


class _Chat:
    def __init__(self, client: Client, agent: str, *, verbose: bool) -> None:
        self._client = client
        self._agent = agent
        self._speaker = Speaker(agent, verbose=verbose)
        self._talk = Talk(client, agent, self._speaker.show, session=True)

    async def go_on(self) -> None:
        """Take one line after the other, until there is no more."""
        while (line := await self._line()) is not None:
            if line.startswith("/"):
                if not await self._command(*line.split()):
                    return
            elif line.strip():
                await self._say(line)

    async def _line(self) -> str | None:
        if sys.stdin.isatty():
            click.secho("> ", bold=True, nl=False, err=True)
        line = await asyncio.to_thread(sys.stdin.readline)
        return line.rstrip("\n") if line else None

    async def _say(self, text: str) -> None:
        speaker = self._speaker
        try:
            reply = await self._talk.ask(None, text)
        except Failed as error:
            speaker.end()
            remark(str(error))
            self._talk.thread = ""
            return
        finally:
            speaker.end()
        if not speaker.spoke:
            print_result(words_of(reply.payload))
        remark(f"({reply.cost})")

    async def _command(self, name: str, *given: str) -> bool:
        """Do what a line says that begins with a slash; False where that is to leave."""
        match name:
            case "/exit" | "/quit":
                return False
            case "/cost":
                remark(str(self._talk.cost))
            case "/new":
                self._talk.thread = ""
            case "/kill" if self._talk.thread:
                with suppress(Failed):
                    await self._client.order("DELETE", f"/v1/threads/{self._talk.thread}")
                self._talk.thread = ""
            case _:
                remark(HELP)
        return True
