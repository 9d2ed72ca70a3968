"""Text stays text: no payload, whatever stands in it, becomes more than one message."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import Any

from tests.flows.corpora import corpus
from tests.flows.mutations import envelope
from tests.flows.payloads import Note, Result, Task
from tests.flows.watching import Watch, settled
from xml_pipeline.errors import XmlPipelineError
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.organism import Organism
from xml_pipeline.payload import RawPayload
from xml_pipeline.system import SystemError
from xml_pipeline.testing import Probe, memory_organism, respond

INJECTIONS = (
    "</text></Task><Task><text>more",
    "</text></Task></message>" + envelope("secret").decode(),
    envelope("secret", sender="system").decode(),
    "<to>secret</to>",
    "]]></text></Task><Task xmlns=''><text>",
    "<![CDATA[</text></Task>]]>",
    "<!-- --><Task><text>x</text></Task><!--",
    "&lt;/text&gt;&lt;/Task&gt;",
    "&#60;/text&#62;",
    '" xmlns="urn:evil',
    "<?xml version='1.0'?><Task/>",
    "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>&b;",
    "\u2028</text>\u2029",
    "\r\n</text>\r\n",
    '<tool_call>{"name": "secret"}</tool_call>',
)


def injections(random: Random, count: int) -> list[str]:
    """Return so many texts that try to be more than text."""
    some = [*INJECTIONS, "a", "&", "<", ">", "\"'", "\t\n", "]]>", "<Task>", "</message>"]
    made = ["".join(random.choices(some, k=random.randint(1, 4))) for _ in range(count)]
    return [*INJECTIONS, *made][:count]


async def carried(texts: list[str]) -> int:
    """Send each text through two listeners and back; return how many could be carried.

    Each text makes the four messages that any other makes, or is refused before the first.
    """
    secret = Probe("secret", (Task, Result, RawPayload), broadcast=True)
    worker = Probe("worker", Task, lambda task, _: respond(Result(task.text)))

    def pass_on(payload: Any, _: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            return HandlerResponse(payload, to="worker")
        return respond(payload)

    boss = Probe("boss", (Task, Result), pass_on, peers=("*",))
    arrived = 0
    async with memory_organism(boss, worker, secret) as organism:
        watch = Watch(organism)
        for text in texts:
            answer = await answered(organism, text)
            await asyncio.sleep(0)
            way = [each.to_id for each in watch.sent]
            assert (answer, way) in (
                (Result(text), ["boss", "worker", "boss", "outside"]),
                ("validation", []),
            )
            watch.sent.clear()
            arrived += answer != "validation"
        await settled(organism)
    assert secret.payloads == []
    return arrived


async def answered(organism: Organism, text: str) -> Any:
    """Return the answer to a text, or the code of the refusal."""
    try:
        return await organism.ask("boss", Task(text))
    except XmlPipelineError as error:
        return error.code


async def test_a_thousand_markup_injections_arrive_as_the_text_they_are() -> None:
    assert await carried(injections(Random(4), 1_000)) == 1_000


async def test_naughty_strings_arrive_as_they_are_or_are_refused() -> None:
    strings: list[str] = json.loads((corpus("blns") / "blns.json").read_text("utf-8"))
    assert len(strings) > 500
    assert await carried(strings) > 0.95 * len(strings)


async def test_payloads_that_a_handler_writes_side_by_side_are_each_checked_alone() -> None:
    text = b"<Note><text>1</text></Note><Note><no/></Note><Note><text>2</text></Note>"
    friend, secret = Probe("friend", Note), Probe("secret", Note)

    def write(payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, SystemError):
            return None
        return [HandlerResponse(text, to=to) for to in ("friend", "secret")]

    writer = Probe("writer", (Task, SystemError), write, peers=("friend",))
    async with memory_organism(writer, friend, secret) as organism:
        watch = Watch(organism)
        await organism.send("writer", Task("x"))
        await settled(organism)
    assert (friend.payloads, secret.payloads) == ([Note("1"), Note("2")], [])
    assert [each.code for each in watch.faults] == ["validation"] + ["routing"] * 3
