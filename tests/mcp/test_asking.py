"""Servers that ask us something in mid-call: a listener answers, or nobody does."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from mcp import types

from tests.mcp.curious import curious
from tests.mcp.house import STDIO, approve, served, written
from tests.mcp.test_connection import Lines, lines  # noqa: F401  # a fixture
from tests.mcp.visitors import TOKEN, connected, text
from xml_pipeline import Organism
from xml_pipeline.errors import ConfigError
from xml_pipeline.events import AgentState, Event, MessageSent
from xml_pipeline.mcp.payloads import Elicit, Elicited, GetPrompt, ListPrompts, ReadResource
from xml_pipeline.server import serve
from xml_pipeline.tool_error import ToolError

WIRES = ("2025-11-25", "2026-07-28")
TOOLS = ("order", "both", "think", "folders", "forever")
SCRIPT = """
- text: It is 42.
"""
each_wire = pytest.mark.parametrize("wire", WIRES)

PERSON: dict[str, Any] = {
    "name": "person",
    "description": "Fills in forms.",
    "handler": "tests.mcp.curious:person",
    "output_class": "xml_pipeline.mcp.payloads:Elicited",
}
MODEL: dict[str, Any] = {
    "name": "model",
    "description": "Thinks.",
    "handler": "tests.mcp.curious:model",
    "output_class": "xml_pipeline.mcp.payloads:Sampled",
}
BROKEN = {**PERSON, "name": "broken", "handler": "tests.mcp.curious:broken"}
CLIENT = {"name": "client", "description": "Whoever called.", "handler": "mcp:client"}
THINKER: dict[str, Any] = {
    "name": "thinker",
    "description": "Thinks.",
    "agent": True,
    "model": "scripted:thinker",
    "payload_class": "xml_pipeline.mcp.payloads:Sample",
}


async def loaded(folder: Path, *listeners: dict[str, Any], more: str = "", **box: Any) -> Organism:
    file = written(folder, *listeners, box=box)
    with file.open("a", encoding="utf-8") as opened:
        opened.write(f"allow_imports: [tests, xml_pipeline]\n{more}")
    await approve(file)
    return Organism.load(file)


async def call(running: Organism, tool: str, **fields: Any) -> Any:
    listener = running.kernel.listeners.get(f"box.{tool}")
    codec = next(iter(listener.codecs.values()))
    return await running.ask(listener.name, codec.from_json(fields))


@each_wire
async def test_what_a_server_asks_a_person_is_a_message_to_whoever_is_named(
    tmp_path: Path, wire: str
) -> None:
    events: list[Event] = []
    async with served(curious()) as url:
        box = {"url": url, "protocol": wire, "elicitation": "person"}
        async with await loaded(tmp_path, PERSON, **box) as running:
            running.subscribe(events.append)
            assert (await call(running, "order", name="Ada")).text == (
                "Ada: accept Which size, Ada?"
            )
            assert (await call(running, "both")).text == "accept accept"
    put = [each for each in events if isinstance(each, MessageSent)]
    forms = [each for each in put if isinstance(each.payload, Elicit)]
    assert {(each.from_id, each.to_id) for each in forms} == {
        ("box.order", "person"),
        ("box.both", "person"),
    }
    assert len(forms) == 3


@each_wire
async def test_prompts_and_resources_may_ask_like_tools(tmp_path: Path, wire: str) -> None:
    async with served(curious()) as url:
        box = {"url": url, "protocol": wire, "elicitation": "person"}
        async with await loaded(tmp_path, PERSON, **box) as running:
            listed = await running.ask("box.prompts", ListPrompts())
            filled, read = await asyncio.gather(
                running.ask("box.prompts", GetPrompt("fitting")),
                running.ask("box.resources", ReadResource("size://Ada")),
            )
    assert listed.text.startswith("fitting()")
    assert filled.text.endswith("user: Which size shall it be?")
    assert read.text == "Which size has Ada?"


@each_wire
async def test_a_gateway_asks_its_own_client_what_prompts_and_resources_ask(
    tmp_path: Path, wire: str
) -> None:
    async def fill_in(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        return types.ElicitResult(action="accept", content={"size": f"{params.message} XL"})

    async with served(curious()) as url:
        box = {"url": url, "protocol": wire, "elicitation": "client", "expose": "mcp"}
        running = await loaded(tmp_path, CLIENT, **box)
        private = running.config.server.model_copy(update={"port": 0})
        async with (
            running,
            serve(running, private, TOKEN) as address,
            connected(
                address.url, "legacy" if wire == WIRES[0] else "auto", elicitation_callback=fill_in
            ) as client,
        ):
            filled = await client.get_prompt("fitting")
            read = await client.read_resource("size://Ada")
    assert filled.messages[0].content == types.TextContent(text="Which size shall it be? XL")
    assert [getattr(each, "text", "") for each in read.contents] == ["Which size has Ada? XL"]


@each_wire
async def test_each_question_is_of_its_own_call_however_many_there_are(
    tmp_path: Path, wire: str
) -> None:
    people = [f"person-{number}" for number in range(6)]
    async with served(curious()) as url:
        box = {"url": url, "protocol": wire, "elicitation": "person"}
        async with await loaded(tmp_path, PERSON, **box) as running:
            calls = (call(running, "order", name=each) for each in people)
            answers = [each.text for each in await asyncio.gather(*calls)]
    assert answers == [f"{each}: accept Which size, {each}?" for each in people]


@each_wire
async def test_what_a_server_asks_a_model_is_answered_by_an_agent(
    tmp_path: Path, wire: str
) -> None:
    (tmp_path / "thinker.yaml").write_text(SCRIPT, encoding="utf-8")
    async with served(curious()) as url:
        box = {"url": url, "protocol": wire, "sampling": "thinker"}
        async with await loaded(tmp_path, THINKER, **box) as running:
            assert (await call(running, "think", question="What?")).text == "thinker: It is 42."


@each_wire
async def test_what_a_server_asks_a_model_may_be_answered_by_code(
    tmp_path: Path, wire: str
) -> None:
    async with served(curious()) as url:
        box = {"url": url, "protocol": wire, "sampling": "model"}
        async with await loaded(tmp_path, MODEL, **box) as running:
            assert (await call(running, "think", question="What?")).text == "m: What? 50"


@each_wire
@pytest.mark.parametrize("who", ["broken", "nobody"])
async def test_where_nobody_answers_the_server_is_told_so(
    tmp_path: Path, wire: str, who: str
) -> None:
    async with served(curious()) as url:
        asks = {} if who == "nobody" else {"elicitation": who}
        async with await loaded(tmp_path, BROKEN, url=url, protocol=wire, **asks) as running:
            answer = await call(running, "order", name="Ada")
    if who == "nobody":
        assert isinstance(answer, ToolError)
    else:
        assert answer.text == "Ada: cancel nothing"


@each_wire
async def test_a_question_may_wait_for_a_person_while_its_handler_is_free(
    tmp_path: Path, wire: str
) -> None:
    waiting: asyncio.Queue[str] = asyncio.Queue()

    def hear(event: Event) -> None:
        if isinstance(event, AgentState) and event.state == "waiting":
            waiting.put_nowait(event.thread_id)

    async with served(curious()) as url:
        box: dict[str, Any] = {"url": url, "protocol": wire, "elicitation": "client", "timeout": 30}
        async with await loaded(tmp_path, CLIENT, **box) as running:
            running.subscribe(hear)
            asking = asyncio.create_task(call(running, "order", name="Ada"))
            running.answer(await waiting.get(), Elicited("decline"))
            assert (await asking).text == "Ada: decline nothing"


async def test_a_call_that_waits_is_called_off_at_the_server_when_its_thread_is_killed(
    tmp_path: Path,
    lines: Lines,  # noqa: F811
) -> None:
    box: dict[str, Any] = {
        **STDIO,
        "args": ["-m", "tests.mcp.curious"],
        "protocol": "2025-11-25",
        "elicitation": "client",
    }
    waiting = asyncio.Event()
    async with await loaded(tmp_path, CLIENT, **box) as running:
        running.subscribe(
            lambda event: (
                waiting.set()
                if isinstance(event, AgentState) and event.state == "waiting"
                else None
            )
        )
        listener = running.kernel.listeners.get("box.forever")
        codec = next(iter(listener.codecs.values()))
        thread = await running.send("box.forever", codec.from_json({}))
        await waiting.wait()
        running.kill(thread)
        assert await lines.has("box says: asking has ended")


@each_wire
async def test_a_gateway_passes_questions_on_to_whoever_called_it(
    tmp_path: Path, wire: str
) -> None:
    async def fill_in(context: Any, params: Any) -> types.ElicitResult:
        return types.ElicitResult(action="accept", content={"size": params.message})

    async with served(curious()) as url:
        box = {"url": url, "protocol": wire, "elicitation": "client", "expose": "mcp"}
        async with await loaded(tmp_path, CLIENT, **box) as running:
            private = running.config.server.model_copy(update={"port": 0})
            async with (
                serve(running, private, TOKEN) as address,
                connected(address.url, elicitation_callback=fill_in) as client,
            ):
                tools = {each.name for each in (await client.list_tools()).tools}
                assert tools == {f"box.{each}" for each in TOOLS}
                done = await client.call_tool("box.order", {"name": "Ada"})
    assert text(done) == "Ada: accept Which size, Ada?"


@each_wire
async def test_a_server_is_told_of_folders(tmp_path: Path, wire: str) -> None:
    async with (
        served(curious()) as url,
        await loaded(tmp_path, url=url, protocol=wire, roots=["work"]) as running,
    ):
        assert (await call(running, "folders")).text == (tmp_path / "work").as_uri()


@pytest.mark.parametrize(
    ("asks", "words"),
    [
        ({"elicitation": "nobody"}, 'there is no listener "nobody"'),
        ({"elicitation": "model"}, '"model" does not take `Elicit` and answer `Elicited`'),
        ({"sampling": "person"}, '"person" does not take `Sample` and answer `Sampled`'),
    ],
    ids=["nobody", "a model for a person", "a person for a model"],
)
async def test_who_cannot_be_asked_is_told_of_when_the_file_is_read(
    tmp_path: Path, asks: dict[str, str], words: str
) -> None:
    async with served(curious()) as url:
        with pytest.raises(ConfigError, match=words):
            await loaded(tmp_path, PERSON, MODEL, url=url, **asks)
