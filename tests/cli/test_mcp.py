"""`mcp pin`: what servers have is shown, and written down once it is approved."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.cli.conftest import Command
from tests.cli.shell import Shell
from tests.house.source import ROOT

SERVER = f"""
mcp:
  servers:
    box:
      command: {sys.executable}
      args: [-m, tests.mcp.toolbox]
      cwd: {ROOT}
      tools: [add, weather]
      connect_timeout: 60
"""


def test_what_a_server_has_is_shown_and_written_down(shell: Shell, command: Command) -> None:
    shell.write("box.yaml", SERVER)
    before = command("check", "box.yaml")
    assert before.code == 2
    assert "box.yaml:5:7: mcp.servers.box: nothing of box is approved" in before.out

    pinned = command("mcp", "pin", "box.yaml", "--yes")
    assert pinned.code == 0
    assert f"box: {sys.executable} -m tests.mcp.toolbox" in pinned.err
    assert [line for line in pinned.out.splitlines() if not line.startswith("   ")] == [
        "box:",
        "  + tool add",
        "  + tool weather",
        "  + prompts",
        "  + resources",
    ]
    lock = Path(shell.directory / "mcp.lock.json")
    tools = json.loads(lock.read_text())["servers"]["box"]["tools"]
    assert [each["definition"]["name"] for each in tools] == ["add", "weather"]

    again = command("mcp", "pin", "box.yaml", "box")
    assert (again.code, again.out) == (0, "")
    assert "All is as it was approved in mcp.lock.json." in again.err

    checked = command("check", "box.yaml")
    assert checked.code == 0
    assert "box.weather" in checked.out


def test_nothing_is_written_where_somebody_says_no(shell: Shell) -> None:
    shell.write("box.yaml", SERVER)
    refused = shell.run("mcp", "pin", "box.yaml", stdin=b"n\n")
    assert refused.code == 1
    assert "+ tool add" in refused.out
    assert not (shell.directory / "mcp.lock.json").exists()


def test_servers_that_are_not_in_the_file_are_told_of(shell: Shell, command: Command) -> None:
    shell.write("box.yaml", SERVER)
    assert 'there is no MCP server "bux": box' in command("mcp", "pin", "box.yaml", "bux").err
    shell.write("none.yaml", "{}")
    assert "the file names no MCP server" in command("mcp", "pin", "none.yaml").err


def test_a_server_that_is_not_there_is_told_of(shell: Shell, command: Command) -> None:
    shell.write("box.yaml", "mcp: {servers: {box: {url: 'http://127.0.0.1:9/mcp'}}}")
    missing = command("mcp", "pin", "box.yaml")
    assert missing.code == 3
    assert "box cannot be reached" in missing.err
