"""Commands talk to a running organism: nobody has to say where it is, or who may."""

from __future__ import annotations

import json
import os
import signal
import socket
from functools import partial

import pytest

from tests.cli.conftest import Command
from tests.cli.shell import Running, Shell

pytestmark = pytest.mark.usefixtures("organism")


@pytest.mark.parametrize(
    "payload",
    [
        "Ada",
        '{"name": "Ada"}',
        '{"Greeting": {"name": "Ada"}}',
        " <Greeting><name>Ada</name></Greeting>\n",
    ],
)
def test_ask_prints_the_payload_of_the_answer(command: Command, payload: str) -> None:
    done = command("ask", "greeter", payload)
    assert (done.code, done.out) == (0, "<Greeted><text>HELLO, ADA!</text></Greeted>\n")
    assert done.err == ""


def test_ask_takes_its_payload_from_stdin(shared: Shell) -> None:
    done = shared.run("ask", "greeter", "-", stdin="Zoë\n".encode())
    assert done.out == "<Greeted><text>HELLO, ZOË!</text></Greeted>\n"
    assert shared.run("ask", "greeter", "-", stdin=b"\xff").code == 2


def test_ask_prints_json_for_programs(command: Command) -> None:
    said = command("ask", "add", '{"left": 1, "right": 2}', "--json").json
    assert (said["from"], said["type"]) == ("add", "Say")
    assert said["payload"] == {"text": "3", "times": 1}


def test_a_fault_fails_the_command_and_names_its_code_and_id(command: Command) -> None:
    done = command("ask", "fail", "on purpose")
    assert (done.code, done.out) == (1, "")
    assert "(handler, fault " in done.err
    assert "on purpose" not in done.err
    told = command("ask", "fail", "on purpose", "--json")
    assert told.code == 1
    assert told.json["code"] == "handler"
    assert told.json["id"] in told.err


def test_an_end_without_an_answer_is_told(command: Command) -> None:
    done = command("ask", "keep_quiet", "hello")
    assert done.code == 1
    assert "did not answer" in done.err


def test_an_answer_that_does_not_come_in_time_is_told(command: Command) -> None:
    done = command("ask", "take_for_ever", "hello", "--timeout", "0.2")
    assert done.code == 1
    assert "no answer within 0.2 s; thread " in done.err


@pytest.mark.parametrize(
    ("listener", "payload", "code", "words"),
    [
        ("nobody", "hello", 1, "no such listener"),
        ("nobody", "<Say/>", 1, "could not be delivered"),
        ("add", "hello", 2, "add accepts Pair: no payload of one text"),
        ("add", "{", 2, "the payload is no JSON"),
        ("add", '{"left": 1}', 2, "these fields fit none"),
        ("add", '{"left": 1, "right": "x"}', 1, "does not fit"),
        ("add", "<Pair><left>1</left></Pair>", 1, "does not fit"),
        ("add", "<Pair", 1, "no XML payload"),
    ],
)
def test_a_payload_that_cannot_be_meant_is_refused_with_a_reason(
    command: Command, listener: str, payload: str, code: int, words: str
) -> None:
    done = command("ask", listener, payload)
    assert (done.code, done.out) == (code, "")
    assert words in done.err


def test_threads_lists_what_was_asked_and_shows_what_was_said(command: Command) -> None:
    conversation = command("ask", "greeter", "Eve", "--json").json["thread"]
    listed = command("threads", "--listener", "shouter", "--limit", "1")
    assert listed.code == 0
    assert listed.out.splitlines()[1].split()[1:4] == ["completed", "greeter", "shouter"]
    as_json = command("threads", "list", "--json", "--status", "completed").json
    assert conversation in {each["id"] for each in as_json}
    shown = command("threads", "show", conversation).out
    assert "http:operator → greeter  <Greeting><name>Eve</name></Greeting>" in shown
    assert "greeter → http:operator  <Greeted><text>HELLO, EVE!</text></Greeted>" in shown
    told = command("threads", "show", conversation, "--json").json
    assert told["callee"] == "greeter"
    assert len(told["messages"]) == 4


def test_threads_show_tells_of_faults_too(command: Command) -> None:
    fault = command("ask", "fail", "x", "--json").json
    shown = command("threads", "show", fault["thread"]).out
    assert f"fault {fault['id']} (handler)" in shown


def test_an_unknown_thread_is_told(command: Command) -> None:
    assert command("threads", "show", "nonsense").code == 1
    assert "no such thread" in command("kill", "no?such=thread").err


def test_kill_ends_a_thread(command: Command) -> None:
    command("ask", "take_for_ever", "hello", "--timeout", "0.1")
    listed = command("threads", "--json", "--status", "open", "--listener", "take_for_ever").json
    thread = listed[0]["id"]
    assert command("kill", thread).code == 0
    assert command("threads", "show", thread, "--json").json["status"] == "killed"


def test_a_paused_listener_answers_once_it_is_resumed(command: Command, shared: Shell) -> None:
    assert command("pause", "echo").err == "echo is paused.\n"
    with shared.started("ask", "echo", "patience") as asking:
        with shared.started("watch", "--listener", "echo", "--type", "MessageSent") as watching:
            watching.line(lambda line: line.startswith("Watching"))
            assert command("ask", "echo", "me too", "--timeout", "0.1").code == 1
            assert asking.process.poll() is None
            assert command("resume", "echo").err == "echo goes on.\n"
        assert asking.wait() == 0


@pytest.mark.parametrize("order", ["pause", "resume"])
def test_an_unknown_listener_is_told(command: Command, order: str) -> None:
    done = command(order, "nobody")
    assert done.code == 1
    assert "no such listener" in done.err


def contains(words: str, line: str) -> bool:
    return words in line


def test_watch_tells_what_happens_in_lines_for_people(command: Command, shared: Shell) -> None:
    with shared.started("watch") as watching:
        watching.line(lambda line: line.startswith("Watching"))
        command("ask", "greeter", "Bob")
        command("ask", "fail", "Bob")
        for words in (
            "thread created",
            "http:operator → greeter  <Greeting><name>Bob</name></Greeting>",
            "http:operator ⇒ greeter",
            "greeter is processing",
            "(handler)  http:operator → fail",
        ):
            watching.line(partial(contains, words), "stdout")
        assert watching.end(signal.SIGINT) == 130


def test_watch_tells_only_what_was_asked_for_as_json_too(command: Command, shared: Shell) -> None:
    options = ("--type", "MessageSent", "--listener", "shouter", "--json")
    with shared.started("watch", *options) as watching:
        watching.line(lambda line: line.startswith("Watching"))
        command("ask", "add", '{"left": 1, "right": 2}')
        conversation = command("ask", "greeter", "Bob", "--json").json["thread"]
        first = json.loads(watching.line(bool, "stdout"))
        assert (first["event"], first["to_id"]) == ("MessageSent", "shouter")
        assert first["conversation_id"] == conversation


def test_a_token_that_is_not_known_is_a_wrong_usage(command: Command) -> None:
    for arguments in (("threads",), ("ask", "greeter", "Ada"), ("watch",), ("pause", "echo")):
        done = command(*arguments, "--token", "wrong")
        assert done.code == 2, arguments
        assert "--token" in done.err


def test_where_nothing_answers_the_command_says_so(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    for arguments in (("threads",), ("ask", "greeter", "Ada"), ("watch",), ("pause", "echo")):
        done = command(*arguments, "--url", url, "--token", "x")
        assert done.code == 3, arguments
        assert f"{url} does not answer" in done.err


def test_a_url_is_enough_for_an_organism_of_this_account(
    command: Command, monkeypatch: pytest.MonkeyPatch, shared: Shell
) -> None:
    entry = json.loads(next(shared.state.glob("*.json")).read_text())
    assert command("ask", "greeter", "Ada", "--url", entry["url"]).code == 0
    monkeypatch.setenv("XML_PIPELINE_URL", entry["url"])
    monkeypatch.setenv("XDG_STATE_HOME", os.devnull)
    assert command("ask", "greeter", "Ada").code == 2
    monkeypatch.setenv("XML_PIPELINE_TOKEN", entry["token"])
    assert command("ask", "greeter", "Ada").code == 0


def test_reload_tells_what_has_changed_and_why_it_cannot_be(
    command: Command, shared: Shell, organism: Running
) -> None:
    text = shared.organism.read_text()
    try:
        shared.organism.write_text(text.replace("To echo.", "To echo again."))
        organism.told("reloaded")
        assert command("reload").err == "Reloaded: no listener has changed.\n"
        assert command("reload", "--json").json["applied"]
        shared.organism.write_text(text.replace("handlers.play:echo", "handlers.play:eco"))
        refused = command("reload", "--json")
        assert refused.code == 2
        assert refused.err.startswith("The file has problems; nothing was changed.\n")
        assert 'did you mean "echo"?' in refused.err
        assert not refused.json["applied"]
        assert 'did you mean "echo"?' in refused.json["problems"][0]
        assert command("ask", "echo", "still here").code == 0
    finally:
        shared.organism.write_text(text)
