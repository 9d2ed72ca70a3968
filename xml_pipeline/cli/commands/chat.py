"""``chat``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import click

from xml_pipeline.cli import options
from xml_pipeline.cli.assistant import assistant_file
from xml_pipeline.cli.client import Client, ServerEvent, path
from xml_pipeline.cli.exits import Failed, Misused
from xml_pipeline.cli.lines import Lines
from xml_pipeline.cli.options import Target
from xml_pipeline.cli.output import print_result, remark
from xml_pipeline.cli.questions import QUESTIONS, meant, questions_waiting, shown
from xml_pipeline.cli.reach import spoken_with
from xml_pipeline.cli.speaking import Speaker
from xml_pipeline.cli.talking import Talk, words_of

Asked = Callable[[str], Awaitable[None]]
"""Has somebody heed what is asked on a thread."""

HELP = """/cost   what it has taken so far
/kill   stop what it is at, and begin a new conversation
/new    begin a new conversation
/allow  let an agent do what it asks leave for, /deny WHY  or not
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
    async with spoken_with(target, attended=True) as client:
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
        self._talk = Talk(client, agent, self._show, session=True)
        self._lines = Lines(sys.stdin)
        self._asked: asyncio.Queue[tuple[Asked, str]] = asyncio.Queue()
        self._leaving = False

    async def go_on(self) -> None:
        """Take one line after the other, until there is no more."""
        while not self._leaving:
            if sys.stdin.isatty():
                click.secho("> ", bold=True, nl=False, err=True)
            line = await self._lines.next()
            if line is None:
                return
            if line.startswith("/"):
                await self._command(*line.split())
            elif line.strip():
                await self._say(line)

    def _show(self, event: ServerEvent) -> None:
        self._speaker.show(event)
        said = event.data
        if event.type == "AgentEvent" and said["step"] == "approval_requested":
            self._asked.put_nowait((self._decide, said["thread_id"]))
        elif event.type == "MessageReceived" and said["payload_type"] == QUESTIONS:
            self._asked.put_nowait((self._answer, said["thread_id"]))

    async def _say(self, text: str) -> None:
        """Say something, and wait for the answer; meanwhile what is asked can be decided."""
        saying = asyncio.create_task(self._talk.ask(None, text))
        deciding = asyncio.create_task(self._heed_what_is_asked())
        try:
            await asyncio.wait((saying, deciding), return_when=asyncio.FIRST_COMPLETED)
            reply = await saying
        except Failed as error:
            self._speaker.end()
            remark(str(error))
            self._talk.thread = ""
            return
        finally:
            deciding.cancel()
            self._speaker.end()
        if not self._speaker.spoke:
            print_result(words_of(reply.payload))
        remark(f"({reply.cost})")

    async def _heed_what_is_asked(self) -> None:
        while True:
            heed, thread = await self._asked.get()
            self._speaker.end()
            with suppress(Failed):  # It may be too late.
                await heed(thread)

    async def _decide(self, thread: str) -> None:
        while not self._leaving:
            remark("/allow, or /deny and why")
            line = await self._lines.next()
            if line is None:
                line = "/deny nobody is there any more"
            word, _, reason = line.partition(" ")
            if word in ("/allow", "/deny"):
                said = {"decision": word.removeprefix("/"), "reason": reason}
                await self._client.say(path("approvals", thread), said)
                return
            await self._command(*line.split() or ("/help",))

    async def _answer(self, thread: str) -> None:
        """Ask the questions of a thread one by one; whoever has gone answers that."""
        found = await questions_waiting(self._client)
        for asked in (each for each in found if each["id"] == thread):
            answers = [await self._answer_to(each) for each in asked["questions"]]
            await self._client.say(path("questions", thread), {"answers": answers})

    async def _answer_to(self, question: Mapping[str, Any]) -> str:
        while not self._leaving:
            for line in shown(question):
                remark(line)
            said = await self._lines.next()
            if said is None:
                break
            if said.startswith("/"):
                await self._command(*said.split())
            elif said.strip():
                return meant(question, said)
        return "Nobody is there any more."

    async def _command(self, name: str, *given: str) -> None:
        """Do what a line says that begins with a slash."""
        match name:
            case "/exit" | "/quit":
                self._leaving = True
                await self._kill()
            case "/cost":
                remark(str(self._talk.cost))
            case "/new":
                self._talk.thread = ""
            case "/kill":
                await self._kill()
            case _:
                remark(HELP)

    async def _kill(self) -> None:
        thread, self._talk.thread = self._talk.thread, ""
        if thread:
            with suppress(Failed):  # It may be over.
                await self._client.order("DELETE", path("threads", thread))
