"""`approvals`: what waits for a decision is listed, allowed and denied, and what was learned."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.cli.conftest import Command
from tests.cli.shell import Running, Shell
from tests.cli.test_terminal import terminal
from tests.server.house import envelope

HANDLER = '''
    """An agent that has somebody echo what it is told."""

    from handlers.play import Say
    from xml_pipeline import HandlerMetadata, HandlerResponse
    from xml_pipeline.system import SystemError


    async def think(payload: Say | SystemError, metadata: HandlerMetadata) -> HandlerResponse:
        if isinstance(payload, SystemError):
            return HandlerResponse.respond(Say(payload.message))
        if metadata.in_reply_to:
            return HandlerResponse.respond(payload)
        return HandlerResponse(payload, to="echo")
    '''
LISTENER = (
    "  - {name: thinker, description: Thinks., handler: handlers.thinker:think, peers: [echo],"
    " permissions: [{tool: echo, action: ask}]}\n"
)


def with_a_thinker(shell: Shell) -> None:
    """Add an agent that has to ask to the project."""
    shell.write("handlers/thinker.py", HANDLER)
    shell.organism.write_text(shell.organism.read_text() + LISTENER)


def asks(shell: Shell, command: Command, watch: Running, text: str) -> dict[str, Any]:
    """Have the agent want something, and return the event that says so."""
    message = envelope(f'<Say xmlns=""><text>{text}</text><times>1</times></Say>', "thinker")
    inject = command("inject", str(shell.write("message.xml", message.decode())))
    assert inject.code == 0, inject.err
    said: dict[str, Any] = json.loads(
        watch.line(lambda line: "approval_requested" in line, "stdout")
    )
    return said


def test_calls_are_listed_allowed_and_denied_and_what_was_learned_is_forgotten(
    shell: Shell, command: Command
) -> None:
    with_a_thinker(shell)
    with (
        shell.organism_running(),
        shell.started("watch", "--json", "--type", "AgentEvent") as watch,
    ):
        watch.line(lambda line: "Watching" in line)
        id = asks(shell, command, watch, "one")["thread_id"]
        (call,) = command("approvals", "--json").json
        assert (call["id"], call["agent"], call["tool"]) == (id, "thinker", "echo")
        listed = command("approvals").out.splitlines()
        assert re.split(r"\s{2,}", listed[0]) == ["thread", "agent", "tool", "for", "until", "call"]
        assert listed[1].startswith(id)
        wrong = command("approvals", "allow", id, "--any")
        assert (wrong.code, "--always" in wrong.err) == (2, True)
        nothing = command("approvals", "allow", "none")
        assert (nothing.code, nothing.err) == (1, "Error: Nothing waits on 'none'.\n")
        done = command("approvals", "allow", id[:6])
        assert (done.code, done.err) == (0, "Allowed: echo for thinker.\n")
        id = asks(shell, command, watch, "two")["thread_id"]
        told = command("approvals", "deny", id, "--always", "--same", "text", "--json").json
        assert (told["decision"], told["id"]) == ("always_deny", id)
        assert "Denied: somebody decided" in command("ask", "thinker", "two").out
        (rule,) = command("approvals", "--learned", "--json").json
        listed = command("approvals", "--learned").out.splitlines()
        assert re.split(r"\s{2,}", listed[1].strip()) == [
            *(rule["id"], "deny", "echo", "http:operator", "http:operator", "text=two"),
        ]
        forgotten = command("approvals", "--forget", rule["id"])
        assert (forgotten.code, forgotten.err) == (0, f"Forgotten: {rule['id']}.\n")
        assert command("approvals", "--learned", "--json").json == []
        assert command("approvals", "--forget", rule["id"]).code == 1


def test_on_a_terminal_a_call_is_shown_and_decided_by_a_line(shell: Shell) -> None:
    with_a_thinker(shell)
    with terminal(shell, "run", "--no-server") as screen:
        screen.shows("not served")
        for line, heard in (
            ("allow {}", "<text>hello</text>"),
            ("deny {} not today", "<text>Denied: not today</text>"),
        ):
            screen.type("@thinker hello\n")
            screen.shows("thinker asks to call echo: <Say><text>hello</text>")
            screen.shows("write `allow ")
            id = screen.shows("`")[:-1]
            screen.type("deny x\n")
            screen.shows("0 calls wait on 'x'")
            screen.type(line.format(id) + "\n")
            screen.shows(heard)
        screen.type("\x04")
        assert screen.ends() == 0
