"""More may follow on a conversation: meanwhile, after the answer, too late, or from a stranger."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.agents.parts import agent, calls, finder, script
from xml_pipeline.agents.orchestrator import Orchestrator
from xml_pipeline.agents.payloads import Attachment, Task
from xml_pipeline.config import AgentKeys
from xml_pipeline.events import Event, FaultEvent
from xml_pipeline.listener import HandlerResponse, Listener
from xml_pipeline.llm.base import Image, Request, Text
from xml_pipeline.message import Delivery
from xml_pipeline.organism import Organism
from xml_pipeline.payload import codec_of
from xml_pipeline.testing import memory_organism

pytestmark = pytest.mark.virtual_clock


def more(
    text: str,
    thread: str,
    *,
    session: bool = True,
    to: str = "ada",
    attached: tuple[Attachment, ...] = (),
) -> bytes:
    """Return an envelope with another request on a conversation."""
    said = Task(text, attached, session=session)
    task = codec_of(Task).to_xml(said).replace(b"<Task>", b'<Task xmlns="">')
    return (
        b'<message xmlns="https://xml-pipeline.org/ns/envelope/v1"><meta><from>outside</from>'
        b"<to>%b</to><thread>%b</thread></meta>%b</message>"
    ) % (to.encode(), thread.encode(), task)


async def begin(organism: Organism, text: str = "Hello.") -> Delivery:
    """Ask for the first time."""
    return await organism.ask_for_delivery("ada", Task(text, session=True))


async def follow(organism: Organism, thread: str, text: str, **about: Any) -> str:
    """Ask for more, and return the answer."""
    accepted = organism.accept(more(text, thread, **about), "outside")
    answer: str = (await organism.waiter(accepted)).payload.text
    return answer


def words(request: Request) -> list[str]:
    """Return the words that a model is shown, message by message."""
    return [each.text for each in request.messages]


async def test_what_is_said_while_a_call_is_under_way_is_told_with_its_result() -> None:
    provider = script(calls(("finder", {"word": "ox"})), "A beast, and red.")
    owing = finder(lambda _: HandlerResponse.defer(within=60))
    async with memory_organism(agent(provider, peers=("finder",)), owing) as organism:
        asking = asyncio.create_task(begin(organism, "What is it?"))
        seen = await owing.next()
        thread = seen.metadata.conversation_id
        adding = asyncio.create_task(follow(organism, thread, "And its colour?"))
        answers = [(await asking).payload.text, await adding]
    assert answers == ["A beast, and red."] * 2
    assert words(provider.requests[1])[-1] == "And its colour?"


async def test_what_is_attached_meanwhile_is_shown_with_its_words() -> None:
    provider = script(calls(("finder", {"word": "ox"})), "A beast, as red as that one.")
    owing = finder(lambda _: HandlerResponse.defer(within=60))
    seen = Attachment("image/png", b"\x89PNG"), Attachment("text/plain", b"It is red.")
    async with memory_organism(agent(provider, peers=("finder",)), owing) as organism:
        asking = asyncio.create_task(begin(organism, "What is it?"))
        thread = (await owing.next()).metadata.conversation_id
        await follow(organism, thread, "And this one?", attached=seen)
        await asking
    told = provider.requests[1].messages[-1].blocks
    assert told[1:] == (Image("image/png", "iVBORw=="), Text("It is red."), Text("And this one?"))


async def test_what_is_said_between_two_turns_is_told_at_the_next_one() -> None:
    def add(request: Request) -> object:
        if len(request.messages) > 1:
            return "Red."
        [root] = organism.kernel.threads
        organism.accept(more("And its colour?", root.id), "outside")
        return calls(("nobody", {}))

    provider = script(add)
    async with memory_organism(agent(provider)) as organism:
        assert (await begin(organism)).payload.text == "Red."
    assert words(provider.requests[1])[-1] == "And its colour?"


async def test_a_stranger_joins_no_session() -> None:
    provider = script(lambda request: f"{len(request.messages)}")
    async with memory_organism(agent(provider)) as organism:
        first = await begin(organism)
        raw = more("I am somebody else.", first.conversation.id)
        stranger = organism.accept(raw.replace(b"outside", b"eve"), "eve")
        alone = await organism.waiter(stranger)
        assert alone.payload.text == "1"
        assert alone.conversation.id != first.conversation.id
        assert await follow(organism, first.conversation.id, "Go on.") == "3"


async def test_a_session_that_is_over_leaves_nothing_and_is_no_fault() -> None:
    faults: list[Event] = []
    provider = script(calls(("finder", {"word": "ox"})), "An ox.")
    listeners = (agent(provider, peers=("finder",), tool_timeout=9, run_timeout=900), finder())
    async with memory_organism(*listeners) as organism:

        def hear(event: Event) -> None:
            if isinstance(event, FaultEvent):
                faults.append(event)

        organism.subscribe(hear)
        first = await begin(organism)
        assert len(organism.kernel.threads) == 1
        await asyncio.sleep(1_801)
        assert not list(organism.kernel.threads)
        assert faults == []
        late = organism.accept(more("Too late.", first.conversation.id), "outside")
        assert late.id != first.conversation.id


async def test_each_answer_of_a_session_begins_its_wait_anew_and_the_last_one_ends_it() -> None:
    provider = script(lambda request: f"{len(request.messages)}")
    async with memory_organism(agent(provider, session_seconds=60)) as organism:
        thread = (await begin(organism)).conversation.id
        for number in range(3):
            await asyncio.sleep(40)
            assert await follow(organism, thread, "More.") == f"{2 * number + 3}"
        assert await follow(organism, thread, "Bye.", session=False) == "9"
        assert not list(organism.kernel.threads)


async def test_a_session_that_is_killed_leaves_nothing() -> None:
    async with memory_organism(agent(script("Hello."))) as organism:
        organism.kill((await begin(organism)).conversation.id)
        assert not list(organism.kernel.threads)


async def test_what_somebody_else_answered_is_known_in_what_follows() -> None:
    provider, keys = script("As he said."), {"orchestration": {"routing": "auto"}}
    plain = agent(provider, peers=("bob",))
    handler = Orchestrator(provider, "scripted:test", AgentKeys.model_validate(keys))
    boss = Listener("ada", plain.accepts, handler, description="Leads.", peers=("bob",))
    bob = script("Bob's answer.", "Bob's second answer.")
    async with memory_organism(boss, agent(bob, name="bob")) as organism:
        thread = (await begin(organism)).conversation.id
        await follow(organism, thread, "And then?")
        [root] = organism.kernel.threads
        assert root.state is not None
        assert "Bob's answer." in root.state["transcript"]
