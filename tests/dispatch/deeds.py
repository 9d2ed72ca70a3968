"""A handler for a sandbox, which tries what it is told to; tests lay it into projects."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.payload import xmlify

log = logging.getLogger("deeds")


@xmlify
@dataclass(frozen=True, slots=True)
class Deed:
    """Something to try."""

    what: str
    about: str = ""


@xmlify
@dataclass(frozen=True, slots=True)
class Done:
    """What came of it."""

    what: str


async def do(deed: Deed, metadata: HandlerMetadata) -> HandlerResponse:
    """Try it, and answer with what came of it."""
    try:
        if deed.what in ASKING:
            said = ASKING[deed.what](deed.about, metadata)
        else:
            said = await asyncio.to_thread(ALONE[deed.what], deed.about)
    except OSError as error:
        said = f"refused: {type(error).__name__}"
    return HandlerResponse.respond(Done(said))


def _read(path: str) -> str:
    return Path(path).read_text()


def _write(path: str) -> str:
    Path(path).write_text("written")
    return "written"


def _connect(port: str) -> str:
    async def connect() -> str:
        _, writer = await asyncio.open_connection("127.0.0.1", int(port))
        writer.close()
        return "connected"

    return asyncio.run(connect())


def _environment(_: str) -> str:
    return " ".join(sorted(os.environ))


def _fail(about: str) -> str:
    raise ValueError(f"the secret is {about}")


def _end(code: str) -> str:
    os._exit(int(code))


def _hang(mark: str) -> str:
    subprocess.Popen(["sleep", mark], start_new_session=True)
    Event().wait()
    return "slept"


def _leave(mark: str) -> str:
    log.warning("leaving")
    os.write(1, b"printed\n")
    subprocess.Popen(["sleep", mark], start_new_session=True)
    return "left"


def _swallow(size: str) -> str:
    return str(len(bytearray(int(size))))


def _lie(_: str) -> str:
    for fd in range(3, 64):
        try:
            os.write(fd, b"\xff" * 100)
        except OSError:
            continue
    return _hang("600")


def _chatter(lines: str) -> str:
    for _ in range(int(lines)):
        log.warning("x" * 2**20)
    return "said"


def _shout(size: str) -> str:
    for _ in range(int(size)):
        os.write(1, b"x" * 2**20)
    return _hang("600")


def _spend(tokens: str, metadata: HandlerMetadata) -> str:
    metadata.budget.reserve(int(tokens)).settle(int(tokens))
    return "spent"


def _remember(about: str, metadata: HandlerMetadata) -> str:
    metadata.state["kept"] = about
    return f"{metadata.own_name} remembers {metadata.state['kept']}"


ALONE: Mapping[str, Callable[[str], str]] = {
    "read": _read,
    "write": _write,
    "connect": _connect,
    "environment": _environment,
    "fail": _fail,
    "end": _end,
    "hang": _hang,
    "leave": _leave,
    "swallow": _swallow,
    "lie": _lie,
    "shout": _shout,
    "chatter": _chatter,
}
ASKING: Mapping[str, Callable[[str, HandlerMetadata], str]] = {
    "spend": _spend,
    "remember": _remember,
}
