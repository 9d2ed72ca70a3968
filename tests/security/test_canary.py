"""A canary secret is put into everything that an organism touches, and sought in all it writes.

What is not looked at, because it is promised of none of it: the journal, which has to give every
message back; answers, which are whoever asked's; and what a model says while it comes, word by
word (``AgentText``), where no piece has the whole of a secret.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

import httpx
import pytest

from tests.cli.shell import Running, Shell, make_project
from tests.telemetry.test_otel import Receiver, receiver
from xml_pipeline.cli.state import Running as Entry
from xml_pipeline.organism import Organism

__all__ = ["receiver"]

CANARY = 'cAnary/4242"and & <x>+Zq'
"""It is another text in JSON, XML, URLs and Python."""

HANDLERS = '''
    """Listeners that let everything out that they are given."""

    import base64
    import json
    import logging
    from urllib.parse import quote
    from xml.sax.saxutils import escape

    import structlog

    from handlers.play import Say
    from xml_pipeline import HandlerMetadata, HandlerResponse
    from xml_pipeline.errors import Denied, Retryable

    log = logging.getLogger(__name__)
    library = logging.getLogger("some.library")
    structured = structlog.get_logger("structured")


    class Careless(Exception):
        """Quotes what it was about."""


    async def blab(payload: Say, metadata: HandlerMetadata) -> HandlerResponse:
        text = payload.text
        log.info("it is %s", text)
        log.info(f"it is {text}")
        log.info("in a dictionary %s", {"a": [text]})
        log.info("as JSON %s", json.dumps({"a": text}))
        log.info("as XML %s", escape(text))
        log.info("as an attribute %s", escape(text, {'"': "&quot;"}))
        log.info("in a URL %s", "https://example.org/?q=" + quote(text, safe=""))
        log.info("in a path /srv/%s", quote(text))
        log.info("as base64 %s", base64.b64encode(text.encode()).decode())
        log.info("as basic %s", base64.b64encode(f"user:{text}".encode()).decode())
        log.info("in hex %s", text.encode().hex())
        log.info("in bytes %r", text.encode())
        log.warning("beside", extra={"token": text, "deep": {"a": [text]}, "set": {text}})
        library.error("of a library %r", text)
        structured.info("structured", field=text, deep=[{"a": text}])
        structured.info(text)
        structlog.contextvars.bind_contextvars(bound=text)
        log.info("bound")
        structlog.contextvars.clear_contextvars()
        logging.getLogger(f"named.{text}").warning("by its name")
        try:
            try:
                raise Careless(text)
            except Careless as error:
                error.add_note(f"noted: {text}")
                raise KeyError(text) from error
        except KeyError:
            log.exception("caught")
            structured.exception("caught too", why=text)
            log.warning("with a stack", stack_info=True)
        metadata.notes.write("note", text)
        return HandlerResponse.respond(Say("done"))


    async def explode(payload: Say, metadata: HandlerMetadata) -> HandlerResponse:
        try:
            raise Careless(payload.text)
        except Careless as error:
            raise ExceptionGroup(payload.text, [error, ValueError(payload.text)]) from error


    async def give_up(payload: Say, metadata: HandlerMetadata) -> HandlerResponse:
        raise Retryable(f"not now: {payload.text}")


    async def deny(payload: Say, metadata: HandlerMetadata) -> HandlerResponse:
        raise Denied(f"not with {payload.text}", payload.text)
    '''

LISTENERS = "".join(
    f"  - {{name: {name}, description: To {name}., payload_class: handlers.play:Say,"
    f" handler: handlers.leaky:{name}, max_deliveries: 1}}\n"
    for name in ("blab", "explode", "give_up", "deny")
) + (
    "  - {name: ada, description: Is Ada., agent: true, model: 'scripted:ada',"
    " peers: [blab, explode, deny]}\n"
)

ADA = [
    {"text": f"I know {CANARY}.", "calls": [{"name": "blab", "arguments": {"text": CANARY}}]},
    {"calls": [{"name": "explode", "arguments": {"text": CANARY}}]},
    {"calls": [{"name": "deny", "arguments": {"text": f"a {CANARY}"}}]},
    {"text": f"It was {CANARY}."},
]


def hidden() -> Iterator[str]:
    """Yield what of the canary must be nowhere."""
    yield from (CANARY, json.dumps(CANARY)[1:-1], repr(CANARY)[1:-1], "cAnary", "4242")
    yield from (escape(CANARY), quote(CANARY), quote(CANARY, safe=""), CANARY.encode().hex())
    yield from (base64.b64encode(b"x" * n + CANARY.encode()).decode()[4:28] for n in range(3))


def leaks(where: str, text: str) -> list[str]:
    """Return where in a text there is any of it, with what is around."""
    at = [text.index(each) for each in hidden() if each in text]
    return [f"{where}: {text[max(0, each - 60) : each + 60]}" for each in at]


def files_of(shell: Shell) -> set[Path]:
    places = (shell.directory, shell.home)
    return {file for place in places for file in place.rglob("*") if file.is_file()}


@pytest.fixture
def careless(tmp_path: Path, receiver: Receiver) -> Shell:
    """Give a project that knows the canary, and lets it out wherever it can."""
    make_project(tmp_path / "project")
    shell = Shell(tmp_path / "project", tmp_path / "state")
    shell.write("config/.env", f"CANARY_TOKEN='{CANARY}'\n")
    shell.write("config/ada.yaml", json.dumps(ADA))
    shell.write("handlers/leaky.py", HANDLERS)
    telemetry = f"telemetry: {{otlp_endpoint: '{receiver.url}', observability: debug}}\n"
    shell.organism.write_text(telemetry + shell.organism.read_text() + LISTENERS)
    return shell


def answers(shell: Shell) -> Iterator[tuple[str, str]]:
    """Bring it to talk, and yield what is told of it outside; an answer itself is a payload."""
    for name in ("blab", "explode", "give_up", "deny"):
        result = shell.run("ask", name, CANARY)
        yield name, result.out + result.err
    assert shell.run("ask", "ada", CANARY).code == 0
    (letter,) = shell.run("dead-letters", "--json").json
    yield "list of letters", json.dumps(letter)
    for options in ((), ("--json",)):
        shown = shell.run("dead-letters", "show", letter["id"], *options)
        assert shown.code == 0
        yield "letter", shown.out + shown.err
    yield "events", _events(shell)


def _events(shell: Shell) -> str:
    """Return all events so far, as they are streamed."""
    (file,) = shell.state.glob("*.json")
    there = Entry(**json.loads(file.read_text()))
    headers = {"Authorization": f"Bearer {there.token}", "Last-Event-ID": "0-0"}
    events = []
    with httpx.stream("GET", f"{there.url}/v1/events", headers=headers) as response:
        for line in response.iter_lines():
            events.append(line)
            if "run_completed" in line:
                return "\n".join(each for each in events if '"kind": "text"' not in each)
    raise AssertionError("the stream has ended")


def _end(running: Running) -> str:
    """End an organism, and return all that it has written to its streams."""
    running.end()
    return "\n".join(each for each in running.lines if '"AgentText"' not in each)


def test_a_secret_that_is_everywhere_gets_out_nowhere(careless: Shell, receiver: Receiver) -> None:
    before = files_of(careless)
    found: list[str] = []
    with careless.organism_running("--verbose") as running:
        for where, text in answers(careless):
            found += leaks(where, text)
        written = _end(running)
    found += leaks("streams", written)
    assert written.count("[redacted]") > 40
    spans = "".join(map(str, receiver.requests))
    assert "[redacted]" in spans
    found += leaks("spans", spans)
    for file in files_of(careless) - before:
        if file.parent.name != "journals" and file.suffix != ".pyc":
            found += leaks(file.name, file.read_bytes().decode(errors="replace"))
    (audit,) = (careless.state / "audit").glob("*.jsonl")
    assert "[redacted]" in audit.read_text()
    assert found == []


async def test_a_reload_brings_the_new_secrets_and_keeps_the_old_ones(tmp_path: Path) -> None:
    file = tmp_path / "organism.yaml"
    file.write_text("organism: {name: house}\nlisteners: []\n")
    (tmp_path / ".env").write_text("A_TOKEN=the-first-one\n")
    async with Organism.load(file) as organism:
        redact = organism.kernel.redacting
        assert redact("the-first-one, the-second-one") == "[redacted], the-second-one"
        (tmp_path / ".env").write_text("A_TOKEN=the-second-one\n")
        await organism.reload()
        assert redact("the-first-one, the-second-one") == "[redacted], [redacted]"
