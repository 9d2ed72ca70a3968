"""The client side of HTTP: whatever the other side answers, it ends in something clear."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import click
import pytest

from tests.cli.conftest import Command
from xml_pipeline.cli.client import MOST_ATTEMPTS, Client, Message, connected
from xml_pipeline.cli.exits import Failed, Misused, Unreachable, Unusable


@dataclass(frozen=True, slots=True)
class Scripted:
    """What a server answers, whatever it is asked."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None  # announced, where it is not that of the body


@contextmanager
def answering(*script: Scripted) -> Iterator[str]:
    """Serve these answers, one after another and the last one for ever; give the URL."""
    answers = iter(script)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        last = script[-1]

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            said = next(answers, self.last)
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            if said.status != 204:
                length = len(said.body) if said.length is None else said.length
                self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(said.body)
            self.close_connection = said.length is not None

        do_GET = do_POST = answer  # noqa: N815  # the names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def problem(status: int, **members: object) -> Scripted:
    headers = {"Retry-After": "0"} if status in (429, 503) else {}
    return Scripted(status, json.dumps({"detail": "in words", **members}).encode(), headers)


@pytest.mark.parametrize(
    ("answer", "label", "failure"),
    [
        (Scripted(200, b"{}"), "answered", ""),
        (Scripted(204), "ended", ""),
        (Scripted(202, b'{"id": "1.1"}'), "accepted", ""),
        (problem(422, code="handler", id="f1"), "fault: handler", "in words (handler, fault f1)"),
        (problem(400, code="validation"), "unreadable: validation", "in words (validation)"),
        (problem(413), "unreadable", "in words"),
        (problem(503, code="overload"), "refused: overload", "in words (overload)"),
        (Scripted(400, b"<html>"), "unreadable", "unreadable"),
    ],
)
async def test_every_answer_to_a_message_has_a_name(
    answer: Scripted, label: str, failure: str
) -> None:
    with answering(answer) as url:
        async with connected(url, "token") as client:
            outcome = await client.post(Message(b"<a/>"))
    assert (outcome.label, outcome.failure) == (label, failure)


async def test_an_organism_with_too_much_to_do_is_asked_again() -> None:
    busy = [problem(503), problem(429)] * (MOST_ATTEMPTS // 2 - 1)
    with answering(*busy, Scripted(204)) as url:
        async with connected(url, "token") as client:
            assert (await client.post(Message(b"<a/>"))).label == "ended"


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (problem(401), Misused, "--token"),
        (problem(404), Failed, "in words"),
        (problem(503), Unreachable, "in words"),
        (problem(422, problems=["a.yaml:1:2: no"]), Unusable, "a.yaml:1:2: no"),
        (Scripted(500, b"<html>"), Failed, "/v1/x: 500"),
        (Scripted(502, b"[1]"), Failed, "/v1/x: 502"),
        (Scripted(200, b"half", length=100), Unreachable, "does not answer"),
    ],
)
async def test_every_refusal_ends_a_command_with_its_reason(
    answer: Scripted, kind: type[click.ClickException], words: str
) -> None:
    with answering(answer) as url:
        async with connected(url, "token") as client:
            with pytest.raises(kind) as refused:
                await client.order("POST", "/v1/x")
    assert words in refused.value.message


@pytest.mark.parametrize("answer", [problem(404), Scripted(301, b"", {"Location": "/"})])
async def test_an_answer_that_no_message_can_have_is_told(answer: Scripted) -> None:
    with answering(answer) as url:
        async with connected(url, "token") as client:
            with pytest.raises(Failed):
                await client.post(Message(b"<a/>"))


async def events_of(client: Client) -> list[tuple[str, str, object]]:
    async with client.events() as events:
        return [(each.id, each.type, each.data) async for each in events]


async def test_a_stream_of_events_is_read_as_it_is_specified() -> None:
    stream = (
        b': a comment\r\n\r\nid: 1\nevent: A\ndata: {"a":\ndata:1}\n\nevent: B\n\n'
        b'data: {}\nretry: 5\n\nid: 9\ndata: {"never": 1}'
    )
    with answering(Scripted(200, stream)) as url:
        async with connected(url, "token") as client:
            assert await events_of(client) == [("1", "A", {"a": 1}), ("", "", {})]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(problem(401), Misused), (Scripted(200, b"id: 1\n", length=100), Unreachable)],
)
async def test_a_stream_that_is_refused_or_breaks_off_is_told(
    answer: Scripted, kind: type[click.ClickException]
) -> None:
    with answering(answer) as url:
        async with connected(url, "token") as client:
            with pytest.raises(kind):
                await events_of(client)


def test_reload_prints_each_change_and_what_only_a_start_takes_over(command: Command) -> None:
    later = "o.yaml:1:1: port: takes effect at the next start"
    event = {"applied": True, "added": ["a"], "removed": ["b", "c"], "needs_restart": [later]}
    with answering(Scripted(200, json.dumps(event).encode())) as url:
        done = command("reload", "--url", url, "--token", "x")
    assert (done.code, done.out.splitlines()) == (0, ["added a", "removed b", "removed c"])
    assert done.err == f"{later}\nReloaded.\n"


def test_watch_tells_of_every_type_of_event(command: Command) -> None:
    who = {"thread_id": "12345678-9", "listener": "shelf"}
    events: tuple[tuple[str, dict[str, object]], ...] = (
        ("BudgetEvent", {"conversation_id": "c", "percent_used": 75}),
        ("ReloadEvent", {"applied": True}),
        ("ToolLog", {**who, "level": "info", "message": "found"}),
        ("ResourceChanged", {**who, "uri": "book://one"}),
        ("Missed", {}),
    )
    stream = "".join(f"event: {kind}\ndata: {json.dumps(data)}\n\n" for kind, data in events)
    with answering(Scripted(200, stream.encode())) as url:
        done = command("watch", "--url", url, "--token", "x")
    told = [line.split("  ", 1)[1] for line in done.out.splitlines()]
    assert told == [
        "BudgetEvent  conversation_id: c, percent_used: 75",
        "ReloadEvent  applied: True",
        "12345678  shelf says (info): found",
        "12345678  shelf has changed book://one",
        "Missed  ",
    ]
    assert done.err.endswith("The organism has stopped.\n")
