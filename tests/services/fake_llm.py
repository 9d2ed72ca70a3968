"""A language model's server that says what it is told to, in the formats of both wires.

As a process it plays the model of an agent: it calls each function that it is offered, so often as
it is told to, and ends its turn once it has seen results::

    python -m tests.services.fake_llm --latency 0.2 --calls 5

It writes the address at which it listens, and ends with its standard input.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self

from tests.services import fake_formats
from xml_pipeline.llm.base import Completion, Message, ToolCall, Usage, said

HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came, the first with the number 0."""

    number: int
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def streamed(self) -> bool:
        """Whether the answer is to be streamed."""
        return bool(self.body.get("stream"))


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes to answer with, each piece a chunk of its own.

    After the last piece the answer ends as it should, is cut off, or never ends. A status of 0
    is no answer at all.
    """

    pieces: tuple[bytes, ...] = ()
    status: int = 200
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    ending: Literal["whole", "cut", "never"] = "whole"


SILENCE = Raw(status=0, ending="never")
Line = Completion | Raw
Script = Callable[[Asked], Line]


def events(*pieces: bytes, ending: Literal["whole", "cut", "never"] = "whole") -> Raw:
    """Return a stream of server-sent events."""
    return Raw(pieces, kind="text/event-stream", ending=ending)


def refusal(status: int, body: Any, **headers: str) -> Raw:
    """Return an error of HTTP."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Raw((json.dumps(body).encode(),), status, headers=named)


def lines(*said: Line) -> Script:
    """Return a script that says one line after the other."""
    nothing = refusal(500, {"error": {"message": "the script is at its end"}})
    return lambda asked: said[asked.number] if asked.number < len(said) else nothing


def playing(calls: int) -> Script:
    """Return a script for an agent: some calls, and after their results the end."""
    end = Completion(said("assistant", "done"), Usage(10, 1), model="fake")

    def line(asked: Asked) -> Line:
        functions = fake_formats.functions_in(asked.body)
        if not functions or fake_formats.has_results(asked.body):
            return end
        wanted = [functions[number % len(functions)] for number in range(calls)]
        made = tuple(
            ToolCall(f"call_{number}", name, fake_formats.example(schema))
            for number, (name, schema) in enumerate(wanted)
        )
        return Completion(Message("assistant", made), Usage(10, calls), "tool_use", "fake")

    return line


class FakeLLM:
    """Serves a script on loopback, from entry to exit; ``url`` is where.

    ``asked`` are the requests so far; ``hung_up`` is set once a client has gone in the middle of
    an answer, ``left`` once nobody is connected any more. ``latency`` are seconds before an answer
    begins.
    """

    def __init__(self, script: Script, latency: float = 0.0) -> None:
        self.asked: list[Asked] = []
        self.began = asyncio.Event()
        self.hung_up = asyncio.Event()
        self.left = asyncio.Event()
        self.connections = 0
        self.url = ""
        self._script = script
        self._latency = latency
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Transport] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        made = lambda: _Connection(self)  # noqa: E731
        self._server = await loop.create_server(made, "127.0.0.1", backlog=4096)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for transport in tuple(self._open):
            transport.abort()
        await self._server.wait_closed()

    def came(self, transport: asyncio.Transport) -> None:
        """Note a connection."""
        self.connections += 1
        self._open.add(transport)
        self.left.clear()

    def went(self, transport: asyncio.Transport, busy: bool) -> None:
        """Note the end of a connection, in the middle of an answer or after it."""
        self._open.discard(transport)
        if not self._open:
            self.left.set()
        if busy:
            self.hung_up.set()

    def answer(self, head: bytes, body: bytes, reply: Callable[[Raw], None]) -> None:
        """Let the answer to a request be written, when it is time."""
        first, *rest = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)
        }
        asked = Asked(len(self.asked), first.split()[1], headers, json.loads(body))
        self.asked.append(asked)
        line = self._script(asked)
        raw = line if isinstance(line, Raw) else rendered(line, asked)
        asyncio.get_running_loop().call_later(self._latency, reply, raw)


class Player(FakeLLM):
    """Answers the same request in the same way, and so works out each answer once.

    It keeps no record: it is for benchmarks, where whoever asks should have the processor.
    """

    def __init__(self, script: Script, latency: float = 0.0) -> None:
        super().__init__(script, latency)
        self._known: dict[tuple[bytes, bytes], Raw] = {}

    def answer(self, head: bytes, body: bytes, reply: Callable[[Raw], None]) -> None:
        """Let the answer to a request be written, when it is time."""
        line = head.partition(b"\r\n")[0]
        raw = self._known.get((line, body))
        if raw is None:
            asked = Asked(0, line.split()[1].decode("latin-1"), {}, json.loads(body))
            said = self._script(asked)
            raw = said if isinstance(said, Raw) else rendered(said, asked)
            self._known[line, body] = raw
        asyncio.get_running_loop().call_later(self._latency, reply, raw)


def rendered(completion: Completion, asked: Asked) -> Raw:
    """Return what a completion looks like, in the format that was asked for."""
    wire = fake_formats.BY_PATH[asked.path.removeprefix("/v1")]
    if asked.streamed:
        return events(*wire.stream(completion))
    return Raw((json.dumps(wire.reply(completion)).encode(),))


class _Connection(asyncio.Protocol):
    """One connection: a request, its answer, and so on."""

    def __init__(self, server: FakeLLM) -> None:
        self._server = server
        self._buffer = b""
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.came(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._server.went(self._transport, self._busy)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, rest = self._buffer.partition(HEAD_END)
        if not end:
            return
        lower = head.lower()
        begin = lower.index(b"content-length:") + len(b"content-length:")
        length = int(lower[begin:].partition(b"\r\n")[0])
        if len(rest) >= length:
            self._buffer = rest[length:]
            self._busy = True
            self._server.answer(head, rest[:length], self._reply)

    def _reply(self, raw: Raw) -> None:
        if self._transport.is_closing():
            return
        if raw.status:
            self._transport.write(_written(raw))
        self._server.began.set()
        if raw.ending == "cut":
            self._busy = False
            self._transport.close()
        self._busy = raw.ending == "never"


def _written(raw: Raw) -> bytes:
    headers = {"content-type": raw.kind, "transfer-encoding": "chunked", **raw.headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in raw.pieces if piece]
    end = b"0\r\n\r\n" if raw.ending == "whole" else b""
    return b"".join((f"HTTP/1.1 {raw.status} -\r\n{head}\r\n".encode(), *chunks, end))


async def _serve(latency: float, calls: int) -> None:
    async with Player(playing(calls), latency) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve a language model that is none.")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--calls", type=int, default=1, help="calls before the end")
    given = parser.parse_args()
    asyncio.run(_serve(given.latency, given.calls))
