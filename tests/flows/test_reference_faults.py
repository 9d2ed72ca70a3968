"""Faults of the reference system that this one does not have, by their numbers in its list.

12 to 18 are in test_reference_faults_at_work; 19, 20 and 24 in test_reference_faults_of_processes.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from annotated_types import MaxLen

from tests.assembly.projects import GREETER, Project, greeter, organism, project
from tests.flows.mutations import envelope
from tests.flows.parts import boss, worker
from tests.flows.payloads import Note, Number, Result, Task
from tests.flows.watching import Watch, settled
from xml_pipeline import Inserts, Organism
from xml_pipeline.errors import HandlerFailed, NoReply, Rejected, Timeout, Undeliverable
from xml_pipeline.events import AgentState, Event, ThreadEvent
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.payload import RawPayload, codec_of, xmlify
from xml_pipeline.primitives import SequenceComplete, SequenceError, SequenceStart, TodoUntil
from xml_pipeline.system import SystemError
from xml_pipeline.testing import Probe, memory_organism, respond

__all__ = ["project"]
pytestmark = pytest.mark.virtual_clock


def crash(*_: object) -> None:
    raise RuntimeError


# ── Delivery and correctness ────────────────────────────────────────────────────────────


async def test_a_second_conversation_over_the_same_path_is_answered_like_the_first() -> None:
    """1: adoption kept the first thread's id for the path, and the second was mute."""
    async with memory_organism(boss("worker"), worker()) as running:
        for text in ("first", "second"):
            assert await running.ask("boss", Task(text)) == Result(f"boss heard: worker did {text}")
        both = [running.ask("boss", Task(text)) for text in ("third", "fourth")]
        assert len(set(await asyncio.gather(*both))) == 2


async def test_each_payload_of_a_text_becomes_a_message_and_a_broken_text_becomes_a_fault() -> None:
    """2: a second payload was lost, and a text that could not be read vanished unlogged."""
    texts = {"three": b"<Note><text>1</text></Note> and " * 3, "broken": b"<Note><text>cut"}

    def write(task: Task, _: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse(texts[task.text], to="reader")

    reader = Probe("reader", Note)
    async with memory_organism(Probe("writer", Task, write, peers=("reader",)), reader) as running:
        watch = Watch(running)
        with pytest.raises(NoReply):
            await running.ask("writer", Task("three"))
        with pytest.raises(Undeliverable):
            await running.ask("writer", Task("broken"))
        await settled(running)
    assert reader.payloads == [Note("1")] * 3
    assert [each.code for each in watch.faults] == ["validation"]


async def test_a_generic_listener_is_reached_and_a_sequence_through_it_finishes() -> None:
    """3: generic listeners were unreachable, so no sequence could end."""

    def start(payload: Any, _: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            xml = codec_of(Task).to_xml(payload).decode()
            return HandlerResponse(SequenceStart("worker, raw", xml), to="system.sequence")
        return respond(Result(payload.final_result))

    peers = ("worker", "raw", "system.sequence")
    starter = Probe("starter", (Task, SequenceComplete, SequenceError), start, peers=peers)
    raw = Probe("raw", RawPayload, lambda payload, _: respond(payload.xml))
    async with memory_organism(starter, worker(), raw) as running:
        answer = await running.ask("starter", Task("x"))
    assert answer == Result("<Result><text>worker did x</text></Result>")
    assert raw.seen[0].metadata.from_id == "system.sequence"


async def test_names_with_dots_are_answered() -> None:
    """4: replies were found by splitting a path at its dots."""
    dotted = Probe("a.b..c", (Task, Result), lambda payload, _: respond(Result(payload.text)))
    async with memory_organism(boss("a.b..c"), dotted) as running:
        assert await running.ask("boss", Task("x")) == Result("boss heard: x")


async def test_whoever_sent_it_is_told_of_every_crash_refusal_and_invalid_payload() -> None:
    """5: errors were printed, and callers waited for ever."""
    told: list[str] = []
    ways = {
        "handler": HandlerResponse(Task("x"), to="crasher"),
        "routing": HandlerResponse(Task("x"), to="stranger"),
        "validation": HandlerResponse(Result("\0"), to="crasher"),
    }

    def react(payload: Any, _: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            return ways[payload.text]
        told.append(payload.code)
        raise RuntimeError

    asker = Probe("asker", (Task, SystemError), react, peers=("crasher",))
    async with memory_organism(asker, Probe("crasher", Task, crash), worker("stranger")) as running:
        for way in ways:
            with pytest.raises(HandlerFailed):
                await running.ask("asker", Task(way), timeout=1)
    assert told == list(ways)


async def test_a_listener_takes_several_types_and_each_of_several_has_its_own_schema() -> None:
    """6: one payload type each; broadcasts never shared a key, and all used the first's schema."""

    def strict() -> type:
        @xmlify
        @dataclass(frozen=True)
        class Task:
            """The same name, and less room."""

            text: Annotated[str, MaxLen(3)]

        return Task

    several = Probe("several", (Task, Note, Number), broadcast=True)
    narrow = Probe("narrow", strict(), broadcast=True)
    async with memory_organism(several, narrow) as running:
        for payload in (Task("abc"), Note("n"), Number(1), Task("abcd")):
            await running.send(None, payload)
        await running.drain()
    assert several.payloads == [Task("abc"), Note("n"), Number(1), Task("abcd")]
    assert [each.text for each in narrow.payloads] == ["abc"]
    assert type(narrow.payloads[0]) is not Task


async def test_a_handler_chooses_neither_its_name_nor_its_thread_nor_whom_it_may_reach() -> None:
    """7: bytes set any sender; without peers an agent went anywhere, but not to itself."""
    says: list[Any] = [
        envelope("secret", sender="system"),
        HandlerResponse(Task("x"), to="secret"),
        HandlerResponse(Task("x"), to='agent</to><to>"secret'),
    ]

    def speak(payload: Any, _: HandlerMetadata) -> Any:
        if isinstance(payload, Number):
            return says[payload.n]
        return (
            respond(Result("itself"))
            if payload == Note("y")
            else HandlerResponse(Note("y"), "agent")
        )

    agent = Probe("agent", (Note, Number), speak, agent=True)
    secret = Probe("secret", (Task, RawPayload))
    async with memory_organism(agent, secret) as running:
        for number in range(len(says)):
            with pytest.raises(Undeliverable):
                await running.ask("agent", Number(number))
        assert await running.ask("agent", Note("x")) == Result("itself")
    assert secret.payloads == []


@pytest.mark.parametrize("field", [None, '<a xmlns="">', "xmlns=''", "/>"])
async def test_a_payload_without_fields_or_with_any_words_arrives_as_it_was(field: Any) -> None:
    """8: the namespace was written into the text, or behind the slash."""

    @xmlify
    @dataclass(frozen=True)
    class Empty:
        """A payload without a field."""

    payload = Empty() if field is None else Note(field)
    probe = Probe("probe", (Empty, Note), lambda heard, _: respond(heard))
    async with memory_organism(probe) as running:
        assert await running.ask("probe", payload) == payload


async def test_the_example_that_an_agent_is_shown_is_accepted_when_it_is_sent() -> None:
    """9: the skeleton had other names than the schema beside it."""

    def send_example(payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, Result):
            return respond(payload)
        return re.findall("Example:\n(.*)", metadata.usage_instructions)[0].encode()

    agent = Probe("agent", (Note, Result), send_example, peers=("worker",), agent=True)
    async with memory_organism(agent, worker()) as running:
        assert (await running.ask("agent", Note("x"))).text.startswith("worker did")


async def test_every_message_is_in_the_context_once() -> None:
    """10: each hop was stored twice, so the history repeated itself."""
    histories: list[list[Any]] = []

    def react(payload: Any, metadata: HandlerMetadata) -> Any:
        histories.append([each.payload for each in metadata.context])
        return (
            respond(payload) if isinstance(payload, Result) else HandlerResponse(payload, "worker")
        )

    asker = Probe("asker", (Task, Result), react, peers=("worker",))
    async with memory_organism(asker, worker()) as running:
        await running.ask("asker", Task("x"))
    assert histories == [[Task("x")], [Task("x"), Result("worker did x")]]


async def test_calls_over_the_same_path_share_neither_history_nor_todos_and_are_let_go() -> None:
    """11: the path was the identity, and mappings and watchers were never freed."""
    seen: list[tuple[int, str]] = []

    def react(payload: Any, metadata: HandlerMetadata) -> Any:
        seen.append((len(metadata.context), metadata.todo_nudge))
        if isinstance(payload, Task):
            return HandlerResponse(TodoUntil("task", "", payload.text), to="system.todo")
        return HandlerResponse.defer(within=5)

    agent = Probe("agent", (Task, RawPayload), react, peers=("system.todo",))
    async with memory_organism(agent) as running:
        asking = [running.ask("agent", Task(text)) for text in ("a", "b")]
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
        assert len(running.kernel.todos) == len(running.kernel.threads) == 0
    assert [type(each) for each in outcomes] == [Timeout, Timeout]
    assert seen == [(1, ""), (1, ""), (2, ""), (2, "")]


# ── Journal, budget, reload, events ─────────────────────────────────────────────────────


class Journal:
    """A dispatch hook that notes what it is told, and refuses what it is told to refuse."""

    def __init__(self, running: Callable[[], Organism]) -> None:
        self.noted: list[Any] = []
        self._running = running

    async def on_intent(self, thread_id: str, *said: Any) -> object:
        self.noted.append(("intent", *said))
        if said[-1] == b"<Task><text>refuse</text></Task>":
            raise OSError("the disk is full")
        return said[1]

    async def on_dispatched(self, entry: object) -> None: ...
    async def on_failed(self, entry: object, error: str) -> None: ...
    async def on_acknowledged(self, entry: object) -> None:
        self.noted.append(("acknowledged", entry, len(self._running().kernel.inbox)))

    async def on_thread_complete(self, thread_id: str) -> None:
        assert self._running().kernel.threads.find(thread_id) is None
        self.noted.append(("complete", thread_id))


async def test_the_journal_gets_the_bytes_first_and_hears_of_the_outputs_once_queued() -> None:
    """21: it got no bytes, was told before the answer was queued, and could stop nothing."""
    crew = (boss("worker"), worker())
    async with memory_organism(*crew) as running:
        journal = Journal(lambda: running)
        running.hooks.append(journal)
        await running.ask("boss", Task("x"))
        with pytest.raises(HandlerFailed):
            await running.ask("worker", Task("refuse"))
        await settled(running)
    assert journal.noted[0] == ("intent", "outside", "boss", "Task", b"<Task><text>x</text></Task>")
    assert journal.noted[1] == ("acknowledged", "boss", 1)
    assert [each[0] for each in journal.noted].count("complete") == 3
    assert crew[1].payloads == [Task("x")]


async def test_what_a_conversation_spent_outlives_the_silence_of_a_branch() -> None:
    """22: the budget had another key at each hop, and any silence erased it."""
    left: list[int] = []

    def spend(payload: Any, metadata: HandlerMetadata) -> Any:
        budget: Any = metadata.budget
        budget.reserve(tokens=10).settle(tokens=10)
        left.append(budget.tokens_left)
        if metadata.own_name == "asker" and isinstance(payload, Task):
            return [HandlerResponse(payload, "mute"), HandlerResponse(Note("go on"), "asker")]
        return None

    asker = Probe("asker", (Task, Note), spend, peers=("mute",))
    async with memory_organism(
        asker, Probe("mute", Task, spend), budget={"tokens": 100}
    ) as running:
        with pytest.raises(NoReply):
            await running.ask("asker", Task("x"))
    assert left == [90, 80, 70]


async def test_a_reload_is_whole_or_not_at_all_and_keeps_what_is_not_of_the_file(
    project: Project,
) -> None:
    """23: no rollback; live listeners went, system ones doubled; prompts and code stayed old."""

    async def echo(raw: RawPayload, _: HandlerMetadata) -> HandlerResponse:
        return respond(raw.xml)

    project.greets("Hello")
    async with Organism.load(project.file) as running:
        running.register_generic("echo", echo)
        names = sorted(each.name for each in running.listeners)
        project.write("handlers/greeter.py", greeter("Howdy") + "\nbroken(")
        project.file.write_text(organism(GREETER[:-1] + ", agent: true, prompt: Be kind.}"))
        assert not (await running.reload()).applied
        assert "kind" not in str(running.listeners)
        project.write("handlers/greeter.py", greeter("Howdy"))
        assert (await running.reload()).changed == ("greeter",)
        assert sorted(each.name for each in running.listeners) == names
        assert running.kernel.prompts.get("greeter").text == "Be kind."
        greeting = envelope("greeter", '<Greeting xmlns=""><name>Ada</name></Greeting>')
        answer = await running.waiter(running.accept(greeting, "somebody"))
        assert "Howdy, Ada!" in str(answer.payload)


async def test_the_first_error_is_the_one_that_is_told_and_every_end_is_seen() -> None:
    """26: steps overwrote errors, threads were never told of, and `idle` was missed."""
    ran: list[str] = []

    def refuse(station: Any) -> Any:
        ran.append("first")
        raise Rejected("overload", "the first error")

    def never(station: Any) -> Any:
        ran.append("second")
        raise Rejected("internal", "the second error")

    def only(step: Any) -> Any:
        return lambda station: step(station) if station.payload == Task("x") else station

    events: list[Event] = []
    crew = [boss("nobody").listener, worker().listener]
    async with Organism(crew, steps=Inserts(delivery=(only(refuse), only(never)))) as running:
        running.subscribe(events.append)
        with pytest.raises(Undeliverable):
            await running.ask("boss", Task("refused"))
        with pytest.raises(Undeliverable) as caught:
            await running.ask("worker", Task("x"))
        await settled(running)
    assert (caught.value.code, ran) == ("overload", ["first"])
    assert [each.status for each in events if isinstance(each, ThreadEvent)] == [
        *("created", "active", "error"),
        *("created", "error"),
    ]
    assert [each.state for each in events if isinstance(each, AgentState)] == ["processing", "idle"]
