"""Spans of what agents do: who works for whom, how long, and no more than the mode allows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as registry
from opentelemetry.semconv.attributes import error_attributes
from opentelemetry.trace import SpanKind, StatusCode

from tests.agents.parts import Found, agent, calls, finder, script
from xml_pipeline.agents.agent import accepted
from xml_pipeline.agents.payloads import Task
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.backends.sqlite import SqliteBackend
from xml_pipeline.errors import HandlerFailed
from xml_pipeline.events import AgentEvent, ThreadEvent
from xml_pipeline.listener import HandlerResponse
from xml_pipeline.llm.base import Request
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.organism import Organism
from xml_pipeline.telemetry import names
from xml_pipeline.telemetry.spans import LONGEST, Mode, Spans
from xml_pipeline.telemetry.tree import MOST_THREADS, Tree
from xml_pipeline.testing import Probe, memory_organism, respond

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OUTER = "00f067aa0ba902b7"


class Watched:
    """Spans of an organism, kept in memory."""

    def __init__(self, mode: Mode = "production") -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.spans = Spans(provider.get_tracer("test"), mode)

    def watch(self, organism: Organism) -> None:
        """Hear an organism from now on."""
        organism.subscribe(self.spans.hear)

    @property
    def all(self) -> list[ReadableSpan]:
        """The spans that have ended, in the order in which they began."""
        return sorted(self._exporter.get_finished_spans(), key=lambda each: each.start_time or 0)

    def __getitem__(self, name: str) -> ReadableSpan:
        """Return the one span of that name."""
        [found] = [each for each in self.all if each.name == name]
        return found


def parent(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent is not None else None


def id_of(span: ReadableSpan) -> int:
    context = span.get_span_context()
    assert context is not None
    return context.span_id


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def team(**keys: Any) -> tuple[Any, ...]:
    """Return ada, who asks ben and looks a word up, and ben, who looks one up too."""
    both = calls(("ben", {"text": "Think."}), ("finder", {"word": "ox"}), text="Well.")
    ada = agent(script(both, "Done."), peers=("ben", "finder"), **keys)
    look = calls(("finder", {"word": "emu"}))
    ben = agent(script(look, "Thought."), name="ben", peers=("finder",))
    return ada, ben, finder()


async def test_spans_are_a_tree_of_who_works_for_whom() -> None:
    watched = Watched()
    async with memory_organism(*team()) as organism:
        watched.watch(organism)
        await organism.ask("ada", Task("Go."))
        await organism.drain()
    root, below, call = (
        watched[name] for name in ("invoke_agent ada", "invoke_agent ben", "execute_tool ben")
    )
    assert len({each.context.trace_id for each in watched.all if each.context}) == 1
    assert parent(root) is None
    assert parent(call) == id_of(root)
    assert parent(below) == id_of(call)
    chats = [each for each in watched.all if each.name == "chat test"]
    assert sorted(map(parent, chats), key=str) == sorted([id_of(root), id_of(below)] * 2, key=str)
    looks = [each for each in watched.all if each.name == "execute_tool finder"]
    assert {parent(each) for each in looks} == {id_of(root), id_of(below)}
    assert {each.kind for each in chats} == {SpanKind.CLIENT}


async def test_an_agent_behind_a_tool_is_below_the_call_of_that_tool() -> None:
    watched = Watched()
    ada = agent(script(calls(("middle", {"text": "x"})), "Done."), peers=("middle",))
    ben = agent(script("Thought."), name="ben")

    def pass_on(payload: Any, metadata: Any) -> HandlerResponse:
        if metadata.in_reply_to:
            return respond(Found("passed on"))
        return HandlerResponse(Task("Think."), to="ben")

    middle = Probe("middle", accepted((Task,)), pass_on, peers=("ben",), output=Found)
    async with memory_organism(ada, ben, middle) as organism:
        watched.watch(organism)
        await organism.ask("ada", Task("Go."))
    assert parent(watched["invoke_agent ben"]) == id_of(watched["execute_tool middle"])


async def test_in_production_spans_hold_names_and_nothing_that_was_counted_or_said() -> None:
    watched = Watched("production")
    async with memory_organism(*team()) as organism:
        watched.watch(organism)
        await organism.ask("ada", Task("Go."))
    said = {key for each in watched.all for key in attributes(each)}
    assert said == {
        names.OPERATION,
        names.AGENT,
        names.PROVIDER,
        names.REQUEST_MODEL,
        names.RESPONSE_MODEL,
        names.FINISH_REASONS,
        names.CONVERSATION,
        names.THREAD,
        names.TURN,
        names.TOOL,
        names.TOOL_TYPE,
        names.CALL,
    }
    chat = attributes(next(each for each in watched.all if each.name == "chat test"))
    assert (chat[names.PROVIDER], chat[names.REQUEST_MODEL]) == ("scripted", "test")
    events = [event for each in watched.all for event in each.events]
    assert {event.name for event in events} == {"sub_agents_dispatched", "sub_agent_completed"}
    assert not any(event.attributes for event in events)


async def test_analysis_adds_tokens_cost_and_turns() -> None:
    watched = Watched("analysis")
    async with memory_organism(*team()) as organism:
        watched.watch(organism)
        answer = await organism.ask("ada", Task("Go."))
    run = attributes(watched["invoke_agent ada"])
    assert run[names.INPUT_TOKENS] == answer.spent.input_tokens
    assert run[names.OUTPUT_TOKENS] == answer.spent.output_tokens
    assert run[names.TURNS] == answer.spent.turns
    chats = [attributes(each) for each in watched.all if each.name == "chat test"]
    assert sum(each[names.INPUT_TOKENS] for each in chats) == answer.spent.input_tokens
    quoted = {names.ARGUMENTS, names.RESULT, names.OUTPUT_MESSAGES}
    assert not quoted & {key for each in watched.all for key in attributes(each)}


async def test_debug_adds_what_was_said_cut_at_4096_characters() -> None:
    watched = Watched("debug")
    wanted = calls(("finder", {"word": "w" * 5000}), text="I look.")
    ada = agent(script(wanted, "Done."), peers=("finder",))
    long = finder(lambda _: respond(Found("é" * 5000)))
    async with memory_organism(ada, long) as organism:
        watched.watch(organism)
        await organism.ask("ada", Task("Go."))
    call = attributes(watched["execute_tool finder"])
    assert call[names.ARGUMENTS].startswith('{"word": "www')
    assert len(call[names.ARGUMENTS]) == len(call[names.RESULT]) == LONGEST
    first = next(each for each in watched.all if each.name == "chat test")
    [message] = json.loads(attributes(first)[names.OUTPUT_MESSAGES])
    assert message["parts"] == [{"type": "text", "content": "I look."}]
    assert message["finish_reason"] == "tool_use"


@pytest.mark.parametrize(("mode", "told"), [("analysis", False), ("debug", True)])
async def test_a_model_that_fails_is_a_failed_chat_in_a_failed_run(mode: Mode, told: bool) -> None:
    def fail(_: Request) -> Any:
        raise ProviderError("rate_limit", "slow down")

    watched = Watched(mode)
    async with memory_organism(agent(script(fail))) as organism:
        watched.watch(organism)
        with pytest.raises(HandlerFailed):
            await organism.ask("ada", Task("Go."))
    chat, run = watched["chat test"], watched["invoke_agent ada"]
    assert parent(chat) == id_of(run)
    assert attributes(chat)[names.ERROR] == "rate_limit"
    assert attributes(run)[names.ERROR] == "handler"
    assert {chat.status.status_code, run.status.status_code} == {StatusCode.ERROR}
    assert ("slow down" in (chat.status.description or "")) is told


async def test_a_call_that_fails_is_a_failed_span_also_where_it_never_set_out() -> None:
    watched = Watched()
    wanted = calls(("nobody_of_that_name", {}), ("finder", {"word": "ox"}))
    ada = agent(script(wanted, "Done."), peers=("finder",))

    def fail(_: Any) -> Any:
        raise ValueError("no such word")

    async with memory_organism(ada, finder(fail)) as organism:
        watched.watch(organism)
        await organism.ask("ada", Task("Go."))
    for name in ("execute_tool nobody_of_that_name", "execute_tool finder"):
        assert attributes(watched[name])[names.ERROR] == "tool_error"
        assert watched[name].status.description is None


async def test_spans_of_what_is_killed_end_as_failed() -> None:
    watched, never = Watched(), asyncio.Event()

    async def hang(_: Any) -> Any:
        await never.wait()

    ada = agent(script(calls(("finder", {"word": "ox"}))), peers=("finder",))
    async with memory_organism(ada, slow := finder(hang)) as organism:
        watched.watch(organism)
        asking = asyncio.create_task(organism.ask("ada", Task("Go.")))
        seen = await slow.next()
        organism.kill(seen.metadata.conversation_id)
        with pytest.raises(HandlerFailed):
            await asking
    for name in ("invoke_agent ada", "execute_tool finder"):
        assert attributes(watched[name])[names.ERROR] == "killed"


async def test_what_is_open_at_the_end_is_ended() -> None:
    watched, never = Watched(), asyncio.Event()

    async def hang(_: Any) -> Any:
        await never.wait()

    ada = agent(script(calls(("finder", {"word": "ox"}))), peers=("finder",))
    async with memory_organism(ada, slow := finder(hang)) as organism:
        watched.watch(organism)
        asking = asyncio.create_task(organism.ask("ada", Task("Go.")))
        await slow.next()
        assert [each.name for each in watched.all] == ["chat test"]
        watched.spans.end()
        asking.cancel()
    assert {each.name for each in watched.all} == {
        "invoke_agent ada",
        "chat test",
        "execute_tool finder",
    }


def envelope(meta: bytes) -> bytes:
    return (
        b'<message xmlns="https://xml-pipeline.org/ns/envelope/v1"><meta><from>outside</from>'
        b"<to>ada</to><thread>new</thread>%b</meta>"
        b'<Task xmlns=""><text>Go.</text></Task></message>'
    ) % meta


@pytest.mark.parametrize(
    ("traceparent", "honoured"),
    [
        (f"00-{TRACE}-{OUTER}-01", True),
        (f"00-{'0' * 32}-{OUTER}-01", False),
        (f"00-{TRACE}-{OUTER}-01-more", False),
        ("whatever", False),
        ("", False),
    ],
)
async def test_what_an_envelope_says_it_is_a_part_of_is_above_its_spans(
    traceparent: str, honoured: bool
) -> None:
    watched = Watched()
    stamp = b'<traceparent xmlns="https://xml-pipeline.org/ns/meta/v1">%b</traceparent>'
    async with memory_organism(agent(script("Done."))) as organism:
        watched.watch(organism)
        thread = organism.accept(envelope(stamp % traceparent.encode()), "outside")
        await organism.waiter(thread)
    run = watched["invoke_agent ada"]
    assert run.context is not None
    assert (run.context.trace_id == int(TRACE, 16)) is honoured
    assert (parent(run) == int(OUTER, 16)) is honoured


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_what_a_conversation_is_a_part_of_outlives_the_process(
    kind: str, tmp_path: Path
) -> None:
    memory = MemoryBackend()

    def organism() -> Organism:
        store = memory if kind == "memory" else SqliteBackend(tmp_path / "journal")
        owing = finder(lambda _: HandlerResponse.defer(within=60.0))
        return Organism([ada, owing.listener], backend=store)

    stamp = b'<traceparent xmlns="https://xml-pipeline.org/ns/meta/v1">%b</traceparent>'
    ada = agent(script(calls(("finder", {"word": "ox"})), "Done."), peers=("finder",))
    async with organism() as before:
        said = envelope(stamp % f"00-{TRACE}-{OUTER}-01".encode())
        before.accept(said, "outside")
        await before.drain()
    watched = Watched()
    async with organism() as after:
        watched.watch(after)
        [waiting] = [each.id for each in after.kernel.threads if each.callee == "finder"]
        after.answer(waiting, Found("a beast"))
        await after.drain()
    run = watched["invoke_agent ada"]
    assert run.context is not None
    assert run.context.trace_id == int(TRACE, 16)
    assert parent(run) == int(OUTER, 16)


def test_a_flow_is_a_workflow_with_the_agents_of_its_steps_below_it() -> None:
    watched = Watched("analysis")
    hear: Callable[[Any], None] = watched.spans.hear
    hear(ThreadEvent("t", "t", "created", "outside", "press"))
    hear(AgentEvent("run_started", "press", "t", "t", {"kind": "sequence", "steps": ["draft"]}))
    hear(ThreadEvent("u", "t", "created", "press", "ada", "t", "draft"))
    hear(AgentEvent("run_started", "ada", "u", "t", {"run": 1, "model": "anthropic:claude"}))
    hear(AgentEvent("run_completed", "ada", "u", "t", {"usd": 0.5}))
    hear(AgentEvent("run_failed", "press", "t", "t", {"at": "draft", "code": "timeout"}))
    hear(ThreadEvent("t", "t", "error", "outside", "press"))
    flow, step = watched["invoke_workflow press"], watched["invoke_agent ada"]
    assert parent(step) == id_of(flow)
    assert attributes(flow)[names.WORKFLOW] == "press"
    assert names.REQUEST_MODEL not in attributes(flow)
    assert attributes(flow)[names.ERROR] == "timeout"
    assert attributes(step)[names.COST] == 0.5


def test_a_run_that_began_before_anybody_watched_is_begun_with_its_next_step() -> None:
    watched = Watched()
    about = {"call": "c1", "name": "finder", "content": "found", "is_error": False}
    watched.spans.hear(AgentEvent("tool_call_completed", "ada", "t", "t", about))
    watched.spans.hear(AgentEvent("run_completed", "ada", "t", "t", {}))
    assert parent(watched["execute_tool finder"]) == id_of(watched["invoke_agent ada"])


def test_threads_that_go_on_elsewhere_do_not_add_up_for_ever() -> None:
    tree = Tree()
    for number in range(MOST_THREADS + 1):
        tree.at(f"t{number}")
    assert len(tree) == MOST_THREADS


def test_names_are_those_of_the_registry() -> None:
    ours = {each for name, each in vars(names).items() if name.isupper() and isinstance(each, str)}
    theirs = {each for each in vars(registry).values() if isinstance(each, str)}
    theirs.add(error_attributes.ERROR_TYPE)
    operations = {each.value for each in registry.GenAiOperationNameValues}
    unknown = {each for each in ours if not each.startswith("xml_pipeline.")} - operations
    assert unknown <= theirs
    providers = {each.value for each in registry.GenAiProviderNameValues}
    assert set(names.PROVIDERS.values()) <= providers
