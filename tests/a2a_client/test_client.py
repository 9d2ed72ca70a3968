"""Agents elsewhere as listeners, on every wire, with a stream and without."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.a2a_client.caller import CALLER, Lines
from tests.a2a_client.house import WIRES, Elsewhere, Told, organism, served
from xml_pipeline import Organism
from xml_pipeline.a2a.payloads import A2aAnswer, A2aFile, A2aMessage
from xml_pipeline.events import Event, ToolProgress
from xml_pipeline.tool_error import ToolError

WAYS = [(wire, streaming) for wire in WIRES for streaming in (True, False)]
CALLED = {
    ("1.0", True): "SendStreamingMessage",
    ("1.0", False): "SendMessage",
    ("0.3", True): "message/stream",
    ("0.3", False): "message/send",
    ("1.0 HTTP+JSON", True): "/rest/message:stream",
    ("1.0 HTTP+JSON", False): "/rest/message:send",
}


class Met(NamedTuple):
    """An organism, and the agent elsewhere that it knows as ``parrot``."""

    running: Organism
    there: Elsewhere

    async def say(self, text: str) -> A2aAnswer | ToolError:
        """Say something to the parrot."""
        answer: A2aAnswer | ToolError = await self.running.ask("parrot", A2aMessage(text))
        return answer


@pytest.fixture(
    params=WAYS, ids=[f"{wire} {'streaming' if stream else 'asked'}" for wire, stream in WAYS]
)
async def met(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Met]:
    wire, streaming = request.param
    async with served(wire, streaming=streaming) as there:
        parrot = {"url": there.url, "poll": 0.05}
        async with organism(tmp_path, CALLER, parrot=parrot) as running:
            yield Met(running, there)


async def test_what_is_answered_comes_back_with_where_it_belongs(met: Met) -> None:
    answer = await met.say("Hello!")
    (heard,) = met.there.parrot.heard
    assert answer == A2aAnswer("completed", "Hello!", context=heard.context_id, task=heard.task_id)
    assert len(heard.message_id) == 36
    assert heard.context_id
    assert CALLED[met.there.wire, met.there.streaming] in met.there.calls


async def test_an_agent_may_answer_without_making_it_a_task(met: Met) -> None:
    answer = await met.say("message Good day.")
    assert isinstance(answer, A2aAnswer)
    assert (answer.state, answer.text, answer.task) == ("completed", "Good day.", "")
    assert answer.context == met.there.parrot.heard[0].context_id


async def test_data_and_files_go_both_ways_and_nothing_is_fetched(met: Met) -> None:
    sent = A2aMessage(
        "files",
        data={"of": ["Rome"]},
        files=(A2aFile("a.bin", "application/x-a", b"\x00"), A2aFile(url="https://b.example/b")),
    )
    answer = await met.running.ask("parrot", sent)
    (heard,) = met.there.parrot.heard
    kinds = [each.WhichOneof("content") for each in heard.parts]
    assert kinds == ["text", "data", "raw", "url"]
    assert (heard.parts[2].filename, heard.parts[2].raw) == ("a.bin", b"\x00")
    assert answer.text.splitlines() == [
        "Here:",
        "[file two.bin application/x-two, 2 bytes]",
        "[file far text/plain, at http://127.0.0.1:9/secret]",
    ]
    assert answer.data == [{"degrees": 21.5, "n": 3}]
    assert answer.files == (
        A2aFile("two.bin", "application/x-two", b"\x00\x01"),
        A2aFile("far", "text/plain", None, "http://127.0.0.1:9/secret"),
    )


async def test_data_alone_can_be_read_too(met: Met) -> None:
    answer = await met.say("data")
    assert isinstance(answer, A2aAnswer)
    assert answer.text == '[{"only": ["data", null, true]}]'


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("fail no ink", "parrot has failed: no ink"),
        ("fail", "parrot has failed: It does not say why."),
        ("reject not that", "parrot does not do this: not that"),
        ("cancel", "parrot was stopped: It does not say why."),
    ],
)
async def test_what_an_agent_could_not_do_is_an_error_with_its_words(
    met: Met, said: str, why: str
) -> None:
    assert await met.say(said) == ToolError(why)


async def test_an_agent_that_crashes_is_told_of(met: Met) -> None:
    answer = await met.say("crash")
    assert isinstance(answer, ToolError)
    assert answer.message.startswith("parrot ")


async def test_progress_is_an_event_where_there_is_a_stream(met: Met) -> None:
    events: list[Event] = []
    met.running.subscribe(events.append)
    answer = await met.say("steps 3")
    assert isinstance(answer, A2aAnswer)
    assert answer.text.splitlines() == ["step 1", "step 2", "step 3", "done"]
    told = [each for each in events if isinstance(each, ToolProgress)]
    assert {each.listener for each in told} <= {"parrot"}
    if met.there.streaming:
        said = [(each.progress, each.message) for each in told]
        assert said == [(1.0, "step 1"), (2.0, "step 2"), (3.0, "step 3"), (4.0, "done")]


async def test_progress_is_told_where_the_agent_is_asked_too(met: Met) -> None:
    told = Told(met.running, ToolProgress)
    asking = asyncio.create_task(met.say("wait"))
    assert (await told.next()).message == "waiting"
    met.there.parrot.go.set()
    assert isinstance(await asking, A2aAnswer)


async def test_what_cannot_be_written_is_replaced(met: Met) -> None:
    answer = await met.say("controls")
    assert isinstance(answer, A2aAnswer)
    assert answer.text == "before\ufffd\ufffdafter"


async def test_an_answer_too_long_for_a_message_is_cut_and_says_so(met: Met) -> None:
    answer = await met.say("long 500000")
    assert isinstance(answer, A2aAnswer)
    assert answer.text.endswith("characters left out]")


async def test_the_next_message_of_the_same_work_goes_on_with_what_was_said(met: Met) -> None:
    replies = await met.running.ask("caller", Lines(("Hello!", "more", "message Hi.", "more")))
    context = met.there.parrot.heard[0].context_id
    assert replies.texts == (
        "completed: Hello!",
        f"completed: 2 of {context}",
        "completed: Hi.",
        f"completed: 4 of {context}",
    )
    assert len({each.message_id for each in met.there.parrot.heard}) == 4


async def test_other_work_begins_anew(met: Met) -> None:
    first = await met.running.ask("caller", Lines(("more",)))
    second = await met.running.ask("caller", Lines(("more",)))
    assert first.texts[0].startswith("completed: 1 of ")
    assert second.texts[0].startswith("completed: 1 of ")
    assert first != second


@pytest.mark.parametrize(("word", "state"), [("ask", "input-required"), ("login", "auth-required")])
async def test_what_an_agent_asks_is_answered_with_the_next_message(
    met: Met, word: str, state: str
) -> None:
    replies = await met.running.ask("caller", Lines((f"{word} Which city?", "Rome", "Paris")))
    assert replies.texts == (f"{state}: Which city?", "completed: Rome", "completed: Paris")
    question, answer, other = met.there.parrot.heard
    assert answer.task_id
    assert answer.context_id == question.context_id == other.context_id
    assert len({each.task_id for each in met.there.parrot.heard if each.task_id}) == 2


async def test_whoever_says_which_task_they_mean_is_heard_about_that(met: Met) -> None:
    asked = await met.say("ask Which city?")
    assert isinstance(asked, A2aAnswer)
    assert asked.state == "input-required"
    told = A2aMessage("Rome", context=asked.context, task=asked.task)
    answer = await met.running.ask("parrot", told)
    assert (answer.text, answer.task) == ("Rome", asked.task)


async def test_what_is_said_instead_of_something_takes_its_place(met: Met) -> None:
    answer = await met.say("draft")
    assert isinstance(answer, A2aAnswer)
    assert answer.text == "The text."


async def test_who_has_to_log_in_elsewhere_is_told_while_the_agent_waits(met: Met) -> None:
    answer = await met.say("outside At the door.")
    assert isinstance(answer, A2aAnswer)
    assert (answer.state, answer.text) == ("auth-required", "At the door.")
    met.there.parrot.go.set()
