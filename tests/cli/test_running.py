"""`run`: an organism lives in a process of its own, and ends in order."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from contextlib import ExitStack

import httpx
import pytest

from tests.cli.shell import Shell
from xml_pipeline.cli.state import Running as Entry


def entry(shell: Shell) -> Entry:
    (file,) = shell.state.glob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    return Entry(**json.loads(file.read_text()))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_in_order_and_gives_its_exit_code(
    shell: Shell, number: int, code: int
) -> None:
    with shell.organism_running() as running:
        there = entry(shell)
        assert (there.pid, there.name, there.file) == (
            running.process.pid,
            "play",
            str(shell.organism),
        )
        assert running.end(number) == code
        assert [json.loads(line)["event"] for line in running.lines[-2:]] == ["stopping", "stopped"]
    assert not [*shell.state.glob("*.json")]


def test_every_line_says_on_whose_behalf_it_was_written(shell: Shell) -> None:
    with shell.organism_running() as running:
        said = shell.run("ask", "echo", "hello", "--json").json
        thread, first = said["thread"], f"{said['thread']}.1"
        ids = {"listener": "echo", "thread_id": thread, "message_id": first}
        message = running.told("message", **ids)
        assert message["payload_type"] == "Say"
        assert message["conversation_id"] == thread
        assert running.told("echoing hello", **ids)["logger"] == "handlers.play"
        fault = shell.run("ask", "fail", "on purpose", "--json").json
        line = json.loads(running.line(lambda line: fault["id"] in line))
        assert (line["level"], line["listener"]) == ("warning", "fail")
        assert line["thread_id"] == fault["thread"]
        assert line["message_id"] == f"{fault['thread']}.1"
        assert "ValueError: on purpose" in line["event"]
        assert list(line)[:3] == ["timestamp", "level", "event"]


def test_lines_below_the_level_are_not_written(shell: Shell) -> None:
    with shell.started("run", "--log-level", "warning") as running:
        while shell.run("ask", "fail", "x").code == 3:
            assert running.process.poll() is None
        assert running.end() == 143
        assert {json.loads(line)["level"] for line in running.lines} == {"warning"}


def test_every_event_is_told_if_that_is_wanted(shell: Shell) -> None:
    with shell.started("run", "--verbose", "--log-level", "warning") as running:
        running.line(lambda line: '"AgentState"' in line)
        said = shell.run("ask", "echo", "hello", "--json").json
        line = running.line(lambda line: '"MessageReceived"' in line and said["thread"] in line)
    told = json.loads(line)
    assert (told["event"], told["conversation_id"]) == ("MessageReceived", said["thread"])
    assert "hello" in told["payload"]


def test_it_announces_itself_only_while_it_answers(shell: Shell) -> None:
    with shell.organism_running() as running:
        assert httpx.get(f"{entry(shell).url}/readyz").status_code == 200
        running.end()
    done = shell.run("ask", "greeter", "Ada")
    assert done.code == 3
    assert "no organism is running here: start one with `xml-pipeline run`" in done.err


def test_whoever_was_killed_is_not_believed_to_run(shell: Shell) -> None:
    with shell.organism_running() as running:
        assert running.end(signal.SIGKILL) == -signal.SIGKILL
    assert [*shell.state.glob("*.json")]
    assert shell.run("threads").code == 3
    assert not [*shell.state.glob("*.json")]


def test_an_entry_of_a_process_that_is_no_organism_leads_to_a_clear_answer(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    shell.state.mkdir(parents=True)
    entry = {"pid": os.getpid(), "name": "x", "file": "x", "url": url, "token": "x"}
    (shell.state / f"{os.getpid()}.json").write_text(json.dumps(entry))
    done = shell.run("threads")
    assert done.code == 3
    assert f"{url} does not answer" in done.err


def test_the_token_may_be_chosen(shell: Shell) -> None:
    chosen = Shell(shell.directory, shell.home, {"XML_PIPELINE_TOKEN": "chosen"})
    with chosen.organism_running() as running:
        assert entry(shell).token == "chosen"
        running.end()
    shell.write("config/.env", "XML_PIPELINE_TOKEN=from a file\n")
    with shell.organism_running():
        assert entry(shell).token == "from a file"


def test_what_is_under_way_is_finished_within_the_grace_time(shell: Shell) -> None:
    with shell.organism_running("--grace", "3600") as running:
        there = entry(shell)
        shell.run("pause", "echo")
        with ExitStack() as stack:
            watching = stack.enter_context(shell.started("watch", "--type", "MessageSent"))
            watching.line(lambda line: line.startswith("Watching"))
            asking = stack.enter_context(shell.started("ask", "echo", "late"))
            watching.line(lambda line: "→ echo" in line, "stdout")
            running.send(signal.SIGTERM)
            assert running.told("stopping")["waiting"] == 1
            # Nothing new comes in, and what is inside is still looked after.
            assert httpx.get(f"{there.url}/readyz").status_code == 503
            resumed = shell.run("resume", "echo", "--url", there.url, "--token", there.token)
            assert resumed.code == 0
            assert asking.line(bool, "stdout") == "<Say><text>late</text><times>1</times></Say>"
            assert (asking.wait(), running.wait()) == (0, 143)
            assert watching.wait() == 0


def test_what_is_not_finished_in_time_is_told(shell: Shell) -> None:
    with shell.organism_running("--grace", "0.2") as running:
        shell.run("ask", "take_for_ever", "hello", "--timeout", "0.1")
        assert running.end() == 143
        told = [json.loads(line) for line in running.lines[-3:]]
        assert [each["event"] for each in told] == ["stopping", "not finished in time", "stopped"]
        assert (told[0]["running"], told[1]["messages"]) == (1, 1)


@pytest.mark.parametrize("listener", ["take_for_ever", "hold_the_loop"])
def test_a_second_signal_ends_it_at_once_whatever_a_handler_does(
    shell: Shell, listener: str
) -> None:
    with (
        shell.organism_running("--grace", "3600") as running,
        shell.started("ask", listener, "hello"),
    ):
        running.told("busy")
        running.send(signal.SIGINT)
        assert running.end(signal.SIGTERM) in (130, 143)  # which of them comes first is open
    assert not [*shell.state.glob("*.json")]


def test_a_handler_that_refuses_to_stop_cannot_keep_it_alive(shell: Shell) -> None:
    with (
        shell.organism_running("--grace", "0") as running,
        shell.started("ask", "refuse_to_stop", "hello"),
    ):
        running.told("busy")
        assert running.end() == 143
        assert any("not yet" in line for line in running.lines)


def test_it_reloads_on_sighup_and_when_its_file_changes(shell: Shell) -> None:
    text = shell.organism.read_text()
    with shell.organism_running() as running:
        running.send(signal.SIGHUP)
        assert running.told("reloaded")["changed"] == []
        shell.organism.write_text(text.replace("To echo.", "Echoes."))
        assert running.told("reloaded")["changed"] == ["echo"]
        shell.organism.write_text(text.replace("handlers.play:echo", "handlers.play:eco"))
        assert running.line(lambda line: "not reloaded: " in line)
        assert shell.run("ask", "echo", "still here").code == 0


def test_a_pump_that_dies_ends_it_loudly(shell: Shell) -> None:
    shell.write(
        "handlers/broken.py",
        """
        class Broken(BaseException):
            "Something that no rail may catch."

        def step(delivery):
            if type(delivery.payload).__name__ == "Say":
                raise Broken("beyond repair")
            return delivery
        """,
    )
    text = shell.organism.read_text()
    shell.organism.write_text("pipeline: {delivery: [handlers.broken:step]}\n" + text)
    with shell.organism_running() as running:
        assert shell.run("ask", "echo", "hello").code != 0
        assert running.wait() == 1
        assert any("beyond repair" in line for line in running.lines)
    assert not [*shell.state.glob("*.json")]


def test_it_can_run_without_a_server(shell: Shell) -> None:
    with shell.organism_running("--no-server") as running:
        assert not [*shell.state.glob("*.json")]
        assert running.end() == 143


def test_where_nothing_can_be_written_it_runs_all_the_same(shell: Shell) -> None:
    token = {"XML_PIPELINE_TOKEN": "known"}
    nowhere = Shell(shell.directory, shell.organism, token)
    with nowhere.organism_running() as running:
        assert any("others cannot find it" in line for line in running.lines)
        url = json.loads(running.lines[-1])["url"]
        assert shell.run("ask", "greeter", "Ada", "--url", url, "--token", "known").code == 0
        assert running.end() == 143


def test_a_bad_file_is_told_problem_by_problem(shell: Shell) -> None:
    text = shell.organism.read_text()
    shell.organism.write_text(text.replace("[shouter]", "[shoutr]").replace("port", "prt"))
    done = shell.run("run")
    assert (done.code, done.out) == (2, "")
    assert [line.split(":")[1] for line in done.err.splitlines()] == ["1", "15"]


def test_an_address_that_is_taken_is_told(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        shell.organism.write_text(shell.organism.read_text().replace("port: 0", f"port: {port}"))
        done = shell.run("run")
    assert done.code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.err
    assert "Traceback" not in done.err


def test_a_backend_that_is_not_there_is_told_with_the_line_that_names_it(shell: Shell) -> None:
    (shell.directory / "far.yaml").write_text(
        "backend:\n  type: redis\n  redis_url: redis://127.0.0.1:1\nlisteners: []\n"
    )
    done = shell.run("run", "far.yaml")
    assert done.code == 3
    assert "far.yaml:2:3: backend: nothing can be written there: Redis: " in done.err
