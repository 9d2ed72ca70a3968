"""What an MCP client may have of an organism beside its tools, on both wires."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError, types
from mcp.shared.subscriptions import PromptsListChanged, ResourceUpdated, ToolsListChanged

from tests.mcp.shelf import Begin, prompt, talk
from tests.mcp.visitors import MODES, connected, each_way, greeters, text, until, visiting
from xml_pipeline import Listener
from xml_pipeline.mcp.payloads import GetPrompt, ListPrompts

BARE = """
organism: {name: shelf}
allow_imports: [tests, xml_pipeline]
listeners:
  - {name: talker, description: Talks., handler: tests.mcp.shelf:talk, expose: mcp}
"""
FILE = f"""{BARE}
  - {{name: client, description: Who called., handler: "mcp:client"}}
  - {{name: chatterbox, description: Chats., handler: tests.mcp.shelf:chat, expose: mcp}}
  - {{name: guest, description: Asks., handler: tests.mcp.shelf:introduce, expose: mcp,
     peers: client}}
  - {{name: needer, description: Needs., handler: tests.mcp.shelf:need, expose: mcp, peers: client}}
  - {{name: muddler, description: Muddles., handler: tests.mcp.shelf:muddle, expose: mcp,
     peers: client}}
  - {{name: prompts, description: Prompts., handler: tests.mcp.shelf:prompt, expose: mcp,
     peers: client}}
  - {{name: shelf, description: Books., handler: tests.mcp.shelf:keep, expose: mcp}}
  - {{name: writer, description: Writes., handler: tests.mcp.shelf:write, expose: mcp}}
"""


async def fill_in(context: Any, params: Any) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content={"name": "Ada"})


async def say(context: Any, params: Any) -> types.CreateMessageResult:
    said = types.TextContent(text="Hello.")
    return types.CreateMessageResult(role="assistant", content=said, model="a-model")


async def locate(context: Any) -> types.ListRootsResult:
    return types.ListRootsResult.model_validate({"roots": [{"uri": "file:///src", "name": "src"}]})


ALL: dict[str, Any] = {
    "elicitation_callback": fill_in,
    "sampling_callback": say,
    "list_roots_callback": locate,
}


@each_way
async def test_a_listener_asks_several_things_at_once(way: str, tmp_path: Path) -> None:
    async with visiting(way, tmp_path, FILE, **ALL) as client:
        heard = text(await client.call_tool("guest")).split("; ")
        assert sorted(heard) == ["Hello.", "accept Ada", "file:///src src"]


@pytest.mark.parametrize("mode", MODES)
async def test_who_can_be_asked_one_thing_is_asked_that_only(tmp_path: Path, mode: str) -> None:
    async with (
        greeters(tmp_path, FILE) as (_, url),
        connected(url, mode, elicitation_callback=fill_in) as client,
    ):
        heard = text(await client.call_tool("guest")).split("; ")
        assert sorted(heard) == ["accept Ada", "nowhere", "silence"]
        with pytest.raises(MCPError, match="a client that can be asked: sampling") as refused:
            await client.call_tool("needer")
        assert refused.value.code == types.MISSING_REQUIRED_CLIENT_CAPABILITY
        assert refused.value.data == {"requiredCapabilities": {"sampling": {}}}


async def test_several_questions_are_answered_in_one_round_or_one_by_one(tmp_path: Path) -> None:
    filled: Any = types.ElicitResult(action="accept", content={"name": "Eve"})
    async with greeters(tmp_path, FILE) as (_, url), connected(url, **ALL) as client:
        wire = client.session
        left: Any = await wire.call_tool("guest", {}, allow_input_required=True)
        assert {key: each.method for key, each in left.input_requests.items()} == {
            "name": "elicitation/create",
            "question": "sampling/createMessage",
            "question-2": "roots/list",
        }
        misfit: Any = {"name": filled, "question": filled}
        left = await wire.call_tool(
            "guest",
            {},
            input_responses=misfit,
            request_state=left.request_state,
            allow_input_required=True,
        )
        assert list(left.input_requests) == ["question", "question-2"]
        rest: Any = {"question": await say(0, 0), "question-2": await locate(0)}
        done = await wire.call_tool(
            "guest", {}, input_responses=rest, request_state=left.request_state
        )
        assert text(done) == "accept Eve; Hello.; file:///src src"
        # Who knows what will be asked may say it at once.
        at_once: Any = {"name": filled, **rest, "unknown": filled}
        done = await wire.call_tool("guest", {}, input_responses=at_once)
        assert "accept Eve" in text(done)


async def test_what_does_not_fill_in_a_form_is_no_answer(tmp_path: Path) -> None:
    async def misread(context: Any, params: Any) -> types.ElicitResult:
        return types.ElicitResult(action="accept", content={"nom": "Ada"})

    more: Any = {"elicitation_callback": misread}
    async with greeters(tmp_path, FILE) as (_, url):
        async with connected(url, "legacy", **more) as client:
            assert "cancel" in text(await client.call_tool("guest"))
        async with connected(url, **more) as client:
            wire = client.session
            left: Any = await wire.call_tool("guest", {}, allow_input_required=True)
            given: Any = {"name": await misread(0, 0)}
            left = await wire.call_tool(
                "guest",
                {},
                input_responses=given,
                request_state=left.request_state,
                allow_input_required=True,
            )
            assert list(left.input_requests) == ["name"]
            given = {"name": types.ElicitResult(action="decline", content={"name": "Ada"})}
            done = await wire.call_tool(
                "guest", {}, input_responses=given, request_state=left.request_state
            )
            assert "decline" in text(done).split("; ")


async def test_a_call_that_ends_while_its_client_is_asked_does_not_wait_for_the_client(
    tmp_path: Path,
) -> None:
    asked = asyncio.Event()

    async def never(context: Any, params: Any) -> types.ElicitResult:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with (
        greeters(tmp_path, FILE) as (running, url),
        connected(url, "legacy", elicitation_callback=never) as client,
        running.events() as events,
    ):
        calling = asyncio.create_task(client.call_tool("guest"))
        *_, call = [each async for each in until(events, "active")]
        await asked.wait()
        running.kill(call.conversation_id)
        assert (await calling).is_error


async def test_who_asks_what_no_client_understands_has_its_call_stopped(tmp_path: Path) -> None:
    async with (
        greeters(tmp_path, FILE) as (_, url),
        connected(url, elicitation_callback=fill_in) as client,
    ):
        stopped = await client.call_tool("muddler")
        assert stopped.is_error


@each_way
async def test_a_prompt_asks_whom_it_is_for(way: str, tmp_path: Path) -> None:
    async with visiting(way, tmp_path, FILE, **ALL) as client:
        (message,) = (await client.get_prompt("praise", {"language": "german"})).messages
        assert isinstance(message.content, types.TextContent)
        assert message.content.text == "Praise accept Ada."


@each_way
async def test_values_of_arguments_are_completed(way: str, tmp_path: Path) -> None:
    praise = types.PromptReference(name="praise")
    async with visiting(way, tmp_path, FILE) as client:
        found = await client.complete(praise, {"name": "language", "value": "e"})
        assert found.completion.values == ["english", "esperanto"]
        assert not found.completion.has_more
        nothing = await client.complete(praise, {"name": "size", "value": ""})
        unknown = await client.complete(
            types.PromptReference(name="blame"), {"name": "language", "value": "e"}
        )
        assert nothing.completion.values == unknown.completion.values == []
        book = types.ResourceTemplateReference(uri="book://{title}")
        found = await client.complete(book, {"name": "title", "value": "a"})
        assert found.completion.values[:2] == ["a0", "a1"]
        assert (len(found.completion.values), found.completion.total) == (100, 500)
        assert found.completion.has_more


@each_way
async def test_a_resource_is_read_of_whoever_has_it(way: str, tmp_path: Path) -> None:
    async with visiting(way, tmp_path, FILE) as client:
        (read,) = (await client.read_resource("book://seven")).contents
        assert isinstance(read, types.TextResourceContents)
        assert read.text == "A book."
        with pytest.raises(MCPError, match="There is no resource 'book://none'"):
            await client.read_resource("book://none")


def heard_by(told: list[tuple[str, Any]]) -> Any:
    async def hear(params: types.LoggingMessageNotificationParams) -> None:
        told.append((params.level, params.data))

    return hear


@pytest.mark.parametrize("way", ["legacy", "stdio legacy"])
async def test_what_a_listener_says_meanwhile_is_told_from_the_level_that_was_set(
    way: str, tmp_path: Path
) -> None:
    told: list[tuple[str, Any]] = []
    async with visiting(way, tmp_path, FILE, logging_callback=heard_by(told)) as client:
        await client.call_tool("talker")
        assert told == [("info", "found"), ("error", "lost")]
        told.clear()
        await set_level(client, "error")
        await client.call_tool("talker")
        assert told == [("error", "lost")]
        told.clear()
        await set_level(client, "debug")
        await client.call_tool("talker")
        assert told == [("debug", "looking"), ("info", "found"), ("error", "lost")]


@pytest.mark.parametrize("way", ["legacy", "stdio legacy"])
async def test_the_steps_of_an_agent_are_told_as_progress_and_to_who_wants_every_detail(
    way: str, tmp_path: Path
) -> None:
    told: list[tuple[str, Any]] = []
    steps: list[str | None] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        steps.append(message)

    (tmp_path / "ada.yaml").write_text("- text: Done.\n", encoding="utf-8")
    async with visiting(way, tmp_path, AGENT, logging_callback=heard_by(told)) as client:
        await set_level(client, "debug")
        done = await client.call_tool("ada", {"text": "Think."}, progress_callback=hear)
        assert "Done." in text(done)
        assert steps[0] == "run started"
        assert steps[-1] == "run completed"
        assert told == [("debug", each) for each in steps]


AGENT = """
organism: {name: thinkers}
listeners:
  - {name: ada, description: Thinks., agent: true, model: "scripted:ada", expose: mcp}
"""


async def set_level(client: Client, level: Any) -> None:
    asked = types.SetLevelRequest(params=types.SetLevelRequestParams(level=level))
    await client.session.send_request(asked, types.EmptyResult)


@pytest.mark.parametrize("way", ["auto", "stdio"])
async def test_on_the_newer_wire_nothing_is_told_that_was_not_asked_for(
    way: str, tmp_path: Path
) -> None:
    told: list[tuple[str, Any]] = []
    async with visiting(way, tmp_path, FILE, logging_callback=heard_by(told)) as client:
        await client.call_tool("talker")
        assert told == []
    more: Any = {"logging_callback": heard_by(told), "log_level": "info"}
    async with visiting(way, tmp_path, FILE, **more) as client:
        await client.call_tool("talker")
        assert told == [("info", "found"), ("error", "lost")]


@pytest.mark.parametrize("way", ["legacy", "stdio legacy"])
async def test_who_subscribes_to_a_resource_is_told_when_it_changes(
    way: str, tmp_path: Path
) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def hear(message: object) -> None:
        if isinstance(message, types.ResourceUpdatedNotification):
            heard.put_nowait(message.params.uri)

    async with visiting(way, tmp_path, FILE, message_handler=hear) as client:
        await ask_about(client, types.SubscribeRequest, "book://one")
        await ask_about(client, types.SubscribeRequest, "book://two")
        await ask_about(client, types.UnsubscribeRequest, "book://two")
        while heard.empty():  # What is told before its stream is open is lost.
            await client.call_tool("writer")
        assert heard.get_nowait() == "book://one"
        assert set(drained(heard)) <= {"book://one"}


def drained(queue: asyncio.Queue[Any]) -> Iterator[Any]:
    while not queue.empty():
        yield queue.get_nowait()


async def ask_about(client: Client, request: Any, uri: str) -> None:
    await client.session.send_request(request(params={"uri": uri}), types.EmptyResult)


@pytest.mark.parametrize("way", ["auto", "stdio"])
async def test_who_listens_is_told_when_a_resource_changes(way: str, tmp_path: Path) -> None:
    async with (
        visiting(way, tmp_path, FILE) as client,
        client.listen(resource_subscriptions=["book://one"]) as changes,
    ):
        await client.call_tool("writer")
        assert await anext(changes) == ResourceUpdated("book://one")


async def test_who_listens_is_told_which_lists_have_changed(tmp_path: Path) -> None:
    async with (
        greeters(tmp_path, FILE) as (running, url),
        connected(url) as client,
        client.listen(tools_list_changed=True, prompts_list_changed=True) as changes,
    ):
        hidden = Listener("hidden", Begin, talk, description="Hidden.")
        running.register(hidden)
        prompts = Listener(
            "more", (GetPrompt, ListPrompts), prompt, description="More.", expose=("mcp",)
        )
        running.register(prompts)
        assert await anext(changes) == PromptsListChanged()
        running.register(Listener("tool", Begin, talk, description="T.", expose=("mcp",)))
        assert await anext(changes) == ToolsListChanged()
        running.unregister("tool")
        assert await anext(changes) == ToolsListChanged()


@pytest.mark.parametrize("mode", MODES)
async def test_what_there_is_is_said_as_it_is_at_present(tmp_path: Path, mode: str) -> None:
    async with greeters(tmp_path, BARE) as (running, url):
        async with connected(url, mode) as client:
            has = client.server_capabilities
            assert (has.prompts, has.resources, has.completions) == (None, None, None)
            assert (await client.list_prompts()).prompts == []
        running.register(
            Listener("more", (GetPrompt, ListPrompts), prompt, description="More.", expose=("mcp",))
        )
        async with connected(url, mode) as client:
            assert client.server_capabilities.prompts is not None
            assert client.server_capabilities.completions is not None
            assert client.server_capabilities.resources is None
            assert [each.name for each in (await client.list_prompts()).prompts] == ["praise"]


async def test_a_client_that_is_slow_does_not_hear_of_what_is_oldest(tmp_path: Path) -> None:
    told: list[tuple[str, Any]] = []
    more: Any = {"logging_callback": heard_by(told), "log_level": "info"}
    async with greeters(tmp_path, FILE) as (_, url), connected(url, **more) as client:
        await client.call_tool("chatterbox")
        assert len(told) <= 1_000
        assert told[-1] == ("info", "1499")


async def test_who_is_connected_is_told_which_lists_have_changed(tmp_path: Path) -> None:
    heard: asyncio.Queue[Any] = asyncio.Queue()

    async def hear(message: object) -> None:
        heard.put_nowait(message)

    async with (
        greeters(tmp_path, FILE) as (running, url),
        connected(url, "legacy", message_handler=hear) as client,
    ):
        capabilities = client.server_capabilities
        assert capabilities.tools is not None
        assert capabilities.tools.list_changed
        text = FILE
        while heard.empty():  # What is told before its stream is open is lost.
            text = FILE if text != FILE else FILE + ANOTHER
            (tmp_path / "organism.yaml").write_text(text, encoding="utf-8")
            assert (await running.reload()).applied
            await client.list_tools()
        assert isinstance(heard.get_nowait(), types.ToolListChangedNotification)


ANOTHER = "  - {name: another, description: A., handler: tests.mcp.shelf:talk, expose: mcp}\n"
