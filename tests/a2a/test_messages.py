"""What clients say as payloads, and what listeners answer as artifacts."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import pytest

from tests.a2a.house import Visitor, message, texts, visited
from tests.mcp.everything import Count, Greet, count, fail, greet, never, refuse
from tests.server.house import Farewell, Greeting, Measured
from tests.server.house import greet as greet_both
from xml_pipeline import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.a2a.payloads import A2aAnswer, A2aFile
from xml_pipeline.events import Event, EventStream, MessageSent, ThreadEvent
from xml_pipeline.mcp.payloads import ListRoots, McpResult, Media, Resource, Roots, Sample, Sampled
from xml_pipeline.testing import memory_organism

PARAMS, CONTENT = -32602, -32005


async def echo(payload: Greet, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(b"<Anything><of>mine</of></Anything>")


async def measure(payload: Greet, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(Measured(float("inf")))


async def show(payload: Greet, metadata: HandlerMetadata) -> HandlerResponse:
    media = (Media("image/png", b"picture"),)
    resources = (Resource("memo://1", "text/plain", "memo", text="a memo"),)
    return HandlerResponse.respond(McpResult("words", {"a": 1}, media, resources))


async def pass_on(payload: Greet, metadata: HandlerMetadata) -> HandlerResponse:
    files = (A2aFile("a", "image/png", b"picture"), A2aFile("b", "text/plain", url="https://b"))
    return HandlerResponse.respond(A2aAnswer("completed", "words", [{"a": 1}, 2], files))


async def say_nothing(payload: Greet, metadata: HandlerMetadata) -> None:
    """Take it and be quiet."""


async def look_around(
    payload: Greet | Sampled | Roots, metadata: HandlerMetadata
) -> HandlerResponse:
    """Ask for what no client has over A2A."""
    if isinstance(payload, Greet):
        asked: Any = Sample([]) if payload.name == "model" else ListRoots()
        if payload.name == "must":
            asked = ListRoots(required=True)
        return HandlerResponse(asked, to="client")
    return HandlerResponse.respond(Greet(type(payload).__name__))


async def defer(payload: Sample | ListRoots, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.defer(within=60)


def shown(name: str, accepts: type | Sequence[type], handler: Any, **more: Any) -> Listener:
    return Listener(name, accepts, handler, description=f"{name}.", expose=("a2a",), **more)


LISTENERS = (
    shown("greeter", Greet, greet),
    shown("host", (Greeting, Farewell), greet_both),
    shown("refuser", Greet, refuse),
    shown("failer", Greet, fail),
    shown("counter", Count, count),
    shown("never", Count, never),
    shown("echo", Greet, echo),
    shown("measurer", Greet, measure),
    shown("shower", Greet, show),
    shown("gateway", Greet, pass_on),
    shown("silent", Greet, say_nothing),
    shown("looker", (Greet, Sampled, Roots), look_around, peers=("client",)),
    Listener("client", (Sample, ListRoots), defer, description="c", output=(Sampled, Roots)),
)


async def sent(visitor: Visitor, name: str, *parts: Any, **wanted: Any) -> dict[str, Any]:
    said = await visitor.ask(
        f"/a2a/{name}", "SendMessage", message=message(*parts), configuration=wanted
    )
    task: dict[str, Any] = said["task"]
    return task


@pytest.mark.parametrize(
    ("name", "part", "text"),
    [
        ("greeter", "Ada", "Hello, Ada, says http:operator!"),
        ("greeter", {"name": "Ada"}, "Hello, Ada, says http:operator!"),
        ("greeter", {"Greet": {"name": "Ada"}}, "Hello, Ada, says http:operator!"),
        ("host", {"Greeting": {"name": "Ada"}}, "Hello, Ada!"),
        ("host", {"Farewell": {"name": "Ada"}}, "Goodbye, Ada!"),
        ("counter", {"to": 3}, "3"),
    ],
)
async def test_words_and_data_are_the_payload(name: str, part: Any, text: str) -> None:
    async with memory_organism(*LISTENERS) as organism, visited(organism) as visitor:
        task = await sent(visitor, name, part)
        assert texts(task["artifacts"][0]["parts"]) == [text]


@pytest.mark.parametrize(
    ("name", "parts", "code", "why"),
    [
        ("greeter", ({"nam": "Ada"},), PARAMS, "there is no such field"),
        ("greeter", ([1, 2],), PARAMS, "Data is an object"),
        ("greeter", ("Ada", {"name": "Ada"}), CONTENT, "words or data that fits Greet"),
        ("counter", ("three",), CONTENT, "counter takes data that fits Count"),
        ("counter", ({"to": "three"},), PARAMS, "does not fit"),
        ("host", ("Ada",), CONTENT, "data that fits Greeting or data that fits Farewell"),
        ("host", ({"name": "Ada"},), PARAMS, "Say which it is"),
    ],
)
async def test_what_does_not_fit_is_refused_with_words_that_say_what_would(
    name: str, parts: tuple[Any, ...], code: int, why: str
) -> None:
    async with memory_organism(*LISTENERS) as organism, visited(organism) as visitor:
        said = message(*parts)
        if isinstance(parts[0], list):
            said["parts"] = [{"data": parts[0]}]
        refused = await visitor.call(f"/a2a/{name}", "SendMessage", message=said)
        assert refused["error"]["code"] == code
        assert why in refused["error"]["message"]
        assert organism.kernel.threads.conversations == 0


async def test_every_kind_of_answer_is_an_artifact_of_what_it_holds() -> None:
    async with memory_organism(*LISTENERS) as organism, visited(organism) as visitor:

        async def parts(name: str, **wanted: Any) -> Any:
            return (await sent(visitor, name, "Ada", **wanted))["artifacts"][0]["parts"]

        assert await parts("echo") == [
            {"text": "<Anything><of>mine</of></Anything>", "mediaType": "application/xml"}
        ]
        (written,) = await parts("measurer")
        assert "INF" in written["text"]
        words, data, picture, memo = await parts("shower")
        assert (words["text"], data["data"]) == ("words", {"a": 1})
        assert picture["raw"] == b64encode(b"picture").decode()
        assert (memo["filename"], memo["raw"]) == ("memo", b64encode(b"a memo").decode())
        words, first, second, picture, there = await parts("gateway")
        assert (words["text"], first["data"], second["data"]) == ("words", {"a": 1}, 2)
        assert (picture["filename"], picture["raw"]) == ("a", b64encode(b"picture").decode())
        assert (there["filename"], there["url"]) == ("b", "https://b")
        only = await parts("greeter", acceptedOutputModes=["application/json"])
        assert [next(iter(each)) for each in only] == ["data"]
        only = await parts("greeter", acceptedOutputModes=["text/plain"])
        assert [next(iter(each)) for each in only] == ["text"]
        assert len(await parts("greeter", acceptedOutputModes=["image/png"])) == 2


@pytest.mark.parametrize(
    ("name", "state", "words"),
    [
        ("refuser", "FAILED", "I do not know you."),
        ("failer", "FAILED", "The receiver could not handle this message."),
        ("silent", "COMPLETED", ""),
    ],
)
async def test_a_task_without_a_result_says_how_it_ended(name: str, state: str, words: str) -> None:
    async with memory_organism(*LISTENERS) as organism, visited(organism) as visitor:
        task = await sent(visitor, name, "Ada")
        assert task["status"]["state"] == f"TASK_STATE_{state}"
        told = texts(task["status"].get("message", {}).get("parts", []))
        assert (told[0] if told else "").startswith(words)
        assert "secret" not in str(told)
        assert "artifacts" not in task


async def test_what_is_refused_before_anybody_has_it_is_rejected() -> None:
    async with memory_organism(*LISTENERS) as organism, visited(organism) as visitor:
        organism.kernel.read.limits = type(organism.kernel.read.limits)(bytes=100)
        task = await sent(visitor, "greeter", "A" * 200)
        assert task["status"]["state"] == "TASK_STATE_REJECTED"


async def test_how_far_a_listener_has_come_is_told() -> None:
    async with memory_organism(*LISTENERS) as organism, visited(organism) as visitor:
        said = message({"to": 3})
        told = [
            texts(piece["statusUpdate"]["status"].get("message", {}).get("parts", []))
            async for piece in visitor.stream("/a2a/counter", "SendStreamingMessage", message=said)
            if "statusUpdate" in piece
        ]
        assert told == [[], ["1"], ["2"], ["3"], []]


@pytest.mark.parametrize(("name", "answer"), [("model", "Sampled"), ("roots", "Roots")])
async def test_whoever_asks_a_client_for_what_it_has_not_is_told_so(name: str, answer: str) -> None:
    async with memory_organism(*LISTENERS) as organism, visited(organism) as visitor:
        task = await sent(visitor, "looker", name)
        assert texts(task["artifacts"][0]["parts"]) == [answer]


async def test_whoever_cannot_do_without_it_fails() -> None:
    async with memory_organism(*LISTENERS) as organism, visited(organism) as visitor:
        task = await sent(visitor, "looker", "must")
        assert task["status"]["state"] == "TASK_STATE_FAILED"


async def test_cancelling_stops_the_work() -> None:
    async def until(events: EventStream, status: str) -> None:
        async for event in events:
            if isinstance(event, ThreadEvent) and event.status == status:
                return

    async with (
        memory_organism(*LISTENERS) as organism,
        visited(organism) as visitor,
        organism.events() as events,
    ):
        task = await sent(visitor, "never", {"to": 1}, returnImmediately=True)
        await until(events, "active")
        gone = await visitor.ask("/a2a", "CancelTask", id=task["id"])
        await until(events, "killed")
        assert gone["status"]["state"] == "TASK_STATE_CANCELED"


async def test_a_request_says_for_whom_it_is_and_which_work_it_is_a_part_of() -> None:
    seen: list[str] = []
    heard: list[Event] = []

    async def note(payload: Greet, metadata: HandlerMetadata) -> HandlerResponse:
        seen.append(metadata.subject.token if metadata.subject is not None else "")
        return HandlerResponse.respond(payload)

    clerk = shown("clerk", Greet, note)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    call: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage"}
    call["params"] = {"message": message("Ada")}
    version = ("A2A-Version", "1.0")
    async with memory_organism(clerk) as organism, visited(organism) as visitor:
        organism.subscribe(heard.append)
        headers = [version, ("Subject-Token", "ada"), ("traceparent", trace)]
        await visitor.http.post("/a2a", json=call, headers=headers)
        traces = {each.traceparent for each in heard if isinstance(each, MessageSent)}
        headers = [version, ("Subject-Token", "ada"), ("Subject-Token", "bob")]
        refused = await visitor.http.post("/a2a", json=call, headers=headers)
        assert refused.json()["error"]["code"] == PARAMS
    assert (seen, traces) == (["ada"], {trace})
