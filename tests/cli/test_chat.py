"""Talking with agents at a prompt: words while they come, then what they took."""

from __future__ import annotations

import json
import re
from textwrap import dedent

import pytest

from tests.cli.conftest import Command
from tests.cli.shell import Shell

ORGANISM = """
    organism: {name: talkers}
    listeners:
      - name: ada
        description: Talks.
        agent: true
        model: scripted:ada
        peers: [bob]
      - name: bob
        description: Helps.
        agent: true
        model: scripted:bob
      - name: mute
        description: Has nothing to say.
        agent: true
        model: scripted:mute
"""
SCRIPTS = {
    "ada": """
        - when: help
          calls: [{name: bob, arguments: {text: Please.}}]
        - when: Here I am
          text: Bob is here.
        - text: One.
        - text: Two.
        - text: Three.
    """,
    "bob": "- text: Here I am.",
    "mute": "- {error: auth, usage: {input: 1200, output: 34}}",
}


@pytest.fixture
def talkers(shell: Shell) -> Shell:
    """Give a prompt in a folder with an organism of agents."""
    (shell.directory / "talkers.yaml").write_text(dedent(ORGANISM))
    for name, script in SCRIPTS.items():
        (shell.directory / f"{name}.yaml").write_text(dedent(script))
    return shell


def test_a_chat_remembers_what_was_said_and_tells_what_it_took(talkers: Shell) -> None:
    said = b"First.\nSecond.\n/cost\n/new\nAgain.\n/exit\nNever read.\n"
    done = talkers.run("chat", "--organism", "talkers.yaml", stdin=said)
    assert (done.code, done.out) == (0, "One.\nTwo.\nOne.\n")
    told = done.err.splitlines()
    assert told[0].startswith("Talking with ada.")
    assert re.fullmatch(r"\(\d+ tokens in, \d+ out, price unknown, \d+\.\d s\)", told[1])
    assert len(told) == 1 + 3 + 1


def test_without_an_organism_and_a_key_a_script_answers_and_says_so(shell: Shell) -> None:
    done = shell.run("chat", stdin=b"What about a key?\n")
    assert "No key in the environment" in done.err
    assert "ANTHROPIC_API_KEY" in done.out


def test_what_is_no_command_of_a_chat_prints_those_that_are(talkers: Shell) -> None:
    done = talkers.run("chat", "bob", "--organism", "talkers.yaml", stdin=b"/what\n")
    assert "/cost" in done.err


def test_an_agent_is_heard_while_it_speaks_and_others_by_their_names(
    talkers: Shell, command: Command
) -> None:
    done = command("ask", "ada", "help", "--organism", "talkers.yaml")
    assert done.code == 0
    assert done.out == "[bob] Here I am.\nBob is here.\n"
    assert "ada → bob" in done.err
    assert "tokens in" in done.err.splitlines()[-1]


def test_for_programs_an_agents_answer_is_json(talkers: Shell, command: Command) -> None:
    done = command("ask", "bob", "hi", "--json", "--organism", "talkers.yaml")
    assert done.json["payload"]["text"] == "Here I am."


def test_every_event_is_printed_where_that_is_wanted(talkers: Shell, command: Command) -> None:
    done = command("ask", "bob", "hi", "--verbose", "--organism", "talkers.yaml")
    events = [json.loads(each) for each in done.err.splitlines() if each.startswith("{")]
    assert {"AgentText", "AgentEvent", "MessageReceived"} <= {each["event"] for each in events}
    assert done.out == "Here I am.\n"


def test_an_agent_that_gives_no_answer_fails_the_command(talkers: Shell, command: Command) -> None:
    done = command("ask", "mute", "hi", "--organism", "talkers.yaml")
    assert done.code == 1
    assert "mute gave no answer (handler, fault " in done.err
    assert "(1,200 tokens in, 34 out, " in done.err


@pytest.mark.parametrize(
    ("line", "answer"), [("/allow", "Bob is here."), ("/deny Not now.", "I may not.")]
)
def test_whoever_chats_decides_what_an_agent_asks_leave_for(
    talkers: Shell, line: str, answer: str
) -> None:
    asking = dedent(ORGANISM) + "permissions: [{tool: bob, action: ask}]\n"
    (talkers.directory / "careful.yaml").write_text(asking)
    script = dedent(SCRIPTS["ada"]) + '- when: "Not now."\n  text: I may not.\n'
    (talkers.directory / "ada.yaml").write_text(script)
    done = talkers.run("chat", "--organism", "careful.yaml", stdin=f"help\n{line}\n".encode())
    assert answer in done.out
    assert "ada asks leave for bob: <Task><text>Please.</text>" in done.err
    assert f"bob: {'allowed' if line == '/allow' else 'denied'}, by " in done.err


def test_what_needs_leave_is_denied_at_once_where_nobody_sits_who_could_give_it(
    talkers: Shell, command: Command
) -> None:
    asking = dedent(ORGANISM) + "permissions: [{tool: bob, action: ask}]\n"
    (talkers.directory / "careful.yaml").write_text(asking)
    script = dedent(SCRIPTS["ada"]) + "- when: nobody is there\n  text: I may not.\n"
    (talkers.directory / "ada.yaml").write_text(script)
    done = command("ask", "ada", "help", "--organism", "careful.yaml")
    assert (done.code, done.out) == (0, "I may not.\n")
    assert "nobody is there to give it" in done.err
