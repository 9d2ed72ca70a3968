"""`replay`: a past conversation is run again by the handlers as they are now."""

from __future__ import annotations

from tests.cli.conftest import Command
from tests.cli.shell import Shell


def test_a_conversation_is_run_again_while_it_runs_and_after(
    shell: Shell, command: Command
) -> None:
    handlers = shell.directory / "handlers" / "hello.py"
    as_it_was = handlers.read_text()
    with shell.organism_running():
        thread = command("ask", "greeter", "Eve", "--json").json["thread"]
        same = command("replay", thread)
        assert (same.code, same.out) == (0, "")
        assert same.err == "3 messages, all decided the same.\n"
    handlers.write_text(as_it_was.replace("upper()", "lower()"))
    different = shell.run("replay", thread)
    assert different.code == 1
    first, then, now = different.out.splitlines()
    assert first == f"{thread}.2  shouter, attempt 1:"
    assert then.startswith("  -answers: ")
    assert "HELLO, EVE!" in then
    assert now.startswith("  +answers: ")
    assert "hello, eve!" in now
    assert different.err == "3 messages, 1 would be decided otherwise.\n"
    as_json = shell.run("replay", thread, "--json")
    assert (as_json.code, as_json.json["same"]) == (1, False)
    assert [each["same"] for each in as_json.json["messages"]] == [True, False, True]
    handlers.write_text(as_it_was)
    assert shell.run("replay", thread).code == 0


def test_a_conversation_that_is_not_known_is_told(shell: Shell, command: Command) -> None:
    done = command("replay", "nonsense")
    assert (done.code, done.out) == (1, "")
    assert done.err == "Error: the journal of config/organism.yaml has no conversation nonsense\n"
    with shell.organism_running():
        assert command("replay", "nonsense").err == "Error: There is no such thread.\n"
    assert command("replay", "nonsense", "--url", "http://127.0.0.1:9", "--token", "x").code == 3
