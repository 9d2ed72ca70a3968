"""The live summary: what it counts, and how it is drawn."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from rich.console import Console

from xml_pipeline.cli.flow import LATEST_FAULTS, LATEST_MESSAGES, Flow, Snapshot
from xml_pipeline.cli.line_editor import LineEditor
from xml_pipeline.cli.summary import Summary, typed_line
from xml_pipeline.events import AgentEvent, AgentStep, MessageReceived, ReloadEvent, ThreadEvent
from xml_pipeline.organism import Organism
from xml_pipeline.payload import xmlify
from xml_pipeline.testing import Probe, memory_organism, respond


@xmlify
@dataclass(frozen=True, slots=True)
class Say:
    """A text."""

    text: str


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def drawn(summary: Summary, width: int = 100, height: int = 40) -> list[str]:
    console = Console(width=width, height=height, record=True, file=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(summary)
    return [line.rstrip() for line in captured.get().splitlines()]


async def flowing(organism: Organism, clock: Clock) -> Flow:
    flow = Flow(organism, clock)
    organism.subscribe(flow.note)
    return flow


def echo() -> Probe:
    return Probe("echo", Say, lambda payload, _: respond(payload))


async def test_messages_are_counted_for_each_listener_and_per_second() -> None:
    clock = Clock()
    async with memory_organism(echo(), Probe("idle", Say)) as organism:
        flow = await flowing(organism, clock)
        assert flow.snapshot().messages == 0
        for _ in range(10):
            await organism.ask("echo", Say("a"))
        await asyncio.sleep(0)
        clock.now += 2.0
        now = flow.snapshot()
        assert (now.messages, now.rate, now.uptime) == (20, 10.0, 2.0)
        first, second = now.listeners
        assert (first.name, first.messages, first.rate) == ("echo", 10, 5.0)
        assert (second.name, second.messages) == ("idle", 0)
        clock.now += 100.0
        flow.snapshot()
        clock.now += 1.0
        assert flow.snapshot().rate == 0.0


async def test_what_runs_waits_and_is_paused_is_told() -> None:
    never = asyncio.Event()
    busy = Probe("busy", Say, lambda *_: never.wait(), max_concurrent=1)
    async with memory_organism(busy, echo()) as organism:
        flow = await flowing(organism, Clock())
        organism.pause("echo")
        for name in ("busy", "busy", "echo"):
            await organism.send(name, Say("a"))
        await busy.next()
        now = flow.snapshot()
        by_name = {each.name: each for each in now.listeners}
        assert (by_name["busy"].running, by_name["busy"].waiting) == (1, 1)
        assert (by_name["echo"].running, by_name["echo"].waiting) == (0, 1)
        assert by_name["echo"].paused
        assert (now.running, now.waiting, now.conversations) == (1, 2, 3)
        text = "\n".join(drawn(Summary("hello", "http://x", now, None)))
        assert "echo (paused)" in text
        assert "3 conversations" in text


async def test_only_the_latest_messages_and_faults_are_kept() -> None:
    failing = Probe("failing", Say, lambda payload, _: 1 / 0)
    async with memory_organism(failing) as organism:
        flow = await flowing(organism, Clock())
        for number in range(9):
            await organism.send("failing", Say(str(number)))
        await organism.drain()
        await asyncio.sleep(0)
        now = flow.snapshot()
        assert now.faults == 9
        assert len(now.latest_faults) == LATEST_FAULTS
        assert [each.payload.text for each in now.latest_messages] == list("45678")
        assert len(now.latest_messages) == LATEST_MESSAGES
        lines = drawn(Summary("hello", "http://x", now, None))
        assert sum("ZeroDivisionError: division by zero" in line for line in lines) == 3
        assert lines[1].endswith("9 faults")


async def test_the_latest_reload_is_told() -> None:
    async with memory_organism(echo()) as organism:
        flow = await flowing(organism, Clock())

        def last(event: ReloadEvent) -> str:
            flow.note(event)
            return drawn(Summary("hello", "http://x", flow.snapshot(), None))[-1][9:]

        changed = ReloadEvent(applied=True, added=("a", "b"), removed=("c",))
        assert last(changed) == "reloaded: added a, b; removed c"
        assert last(ReloadEvent(applied=True)) == "reloaded: no listener changed"
        refused = ReloadEvent(applied=False, problems=("o.yaml:1:2: no", "more"))
        assert last(refused) == "not reloaded: o.yaml:1:2: no"


def step(step: AgentStep, **about: object) -> AgentEvent:
    return AgentEvent(step, "echo", "t", "c", about)


async def test_who_thinks_and_what_that_has_taken_is_told() -> None:
    response = {"input_tokens": 1000, "output_tokens": 234, "usd": 0.0125, "beside": False}
    async with memory_organism(echo(), Probe("idle", Say)) as organism:
        flow = await flowing(organism, Clock())
        assert "tokens" not in "\n".join(drawn(Summary("a", "x", flow.snapshot(), None)))
        flow.note(step("turn_started", turn=1))
        flow.note(step("llm_response", **response | {"beside": True}))
        thinking = "\n".join(drawn(Summary("a", "x", flow.snapshot(), None)))
        assert "echo (thinking)" in thinking
        flow.note(step("llm_response", **response))
        (line,) = (
            line for line in drawn(Summary("a", "x", flow.snapshot(), None)) if "echo" in line
        )
        assert "thinking" not in line
        assert line.split()[-2:] == ["2,468", "$0.0250"]


async def test_an_agent_whose_run_or_thread_has_ended_thinks_no_longer() -> None:
    async with memory_organism(echo()) as organism:
        flow = await flowing(organism, Clock())
        for thread in "tuv":
            flow.note(AgentEvent("turn_started", "echo", thread, "c", {"turn": 1}))
        text = "\n".join(drawn(Summary("a", "x", flow.snapshot(), None)))
        assert "echo (thinking: 3)" in text
        flow.note(step("run_failed", why="x"))
        flow.note(ThreadEvent("u", "c", "killed", "outside", "echo"))
        [flowing_echo] = flow.snapshot().listeners
        assert flowing_echo.thinking == 1


def snapshot_of(listeners: int) -> Snapshot:
    organism = memory_organism(*(Probe(f"probe{number}", Say) for number in range(listeners)))
    flow = Flow(organism, Clock())
    flow.note(MessageReceived("t", "c", "m", "outside", "probe7\x9b", "Say", Say("a")))
    return flow.snapshot()


def test_a_summary_fits_its_terminal_and_says_what_it_leaves_out() -> None:
    summary = Summary("a name\x9b", "http://x", snapshot_of(50), LineEditor())
    lines = drawn(summary, width=60, height=20)
    assert len(lines) <= 20
    assert max(map(len, lines)) <= 60
    assert any("more" in line for line in lines)
    assert not any("\x9b" in line for line in lines)
    assert lines[0].startswith("a name\\x9b  http://x  up 0:00:00")
    assert lines[-1] == ">"


def test_a_listener_that_does_nothing_is_still_shown_and_those_of_the_system_are_not() -> None:
    text = "\n".join(drawn(Summary("a", "x", snapshot_of(2), None)))
    assert "probe0" in text
    assert "system." not in text
    assert "more" not in text


def test_a_long_line_is_cut_to_what_is_around_its_cursor() -> None:
    editor = LineEditor()
    list(editor.feed(b"0123456789" * 5))
    assert typed_line(editor, 20).plain == "> 4567890123456789 "
    list(editor.feed(b"\x01"))
    assert typed_line(editor, 20).plain == "> 01234567890123456"
    list(editor.feed(b"\x1b[C\x1b[C"))
    assert typed_line(editor, 20).plain == "> 01234567890123456"
