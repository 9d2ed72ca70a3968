"""`a2a pin`: the cards of agents elsewhere are shown, and written down once they are approved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.cli.shell import Shell


class Silent(SimpleHTTPRequestHandler):
    """Serves files, and says nothing of it."""

    def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002  # its name there


def show(folder: Path, url: str, description: str) -> None:
    """Let the agent at this address describe itself like this."""
    interface = {"url": f"{url}/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
    card = {"name": "Parrot", "description": description, "supportedInterfaces": [interface]}
    file = folder / ".well-known" / "agent-card.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(card), encoding="utf-8")


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Serve what is in a folder, and give its address."""
    handler = partial(Silent, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        serving.join()


def organism(url: str) -> str:
    return f"a2a:\n  agents:\n    parrot:\n      url: {url}\n"


def test_a_card_is_shown_and_written_down_and_so_is_what_changes(
    shell: Shell, command: Command, url: str, tmp_path: Path
) -> None:
    show(tmp_path, url, "Old.")
    shell.write("far.yaml", organism(url))
    before = command("check", "far.yaml")
    assert before.code == 2
    assert "far.yaml:4:7: a2a.agents.parrot: nothing of parrot is approved" in before.out

    pinned = command("a2a", "pin", "far.yaml", "--yes")
    assert pinned.code == 0
    assert f"parrot: {url}" in pinned.err
    assert '  +  "description": "Old.",' in pinned.out.splitlines()
    lock = json.loads(Path(shell.directory / "a2a.lock.json").read_text())
    assert lock["agents"]["parrot"]["card"]["description"] == "Old."

    again = command("a2a", "pin", "far.yaml", "parrot")
    assert (again.code, again.out) == (0, "")
    assert "All is as it was approved in a2a.lock.json." in again.err
    assert "parrot" in command("check", "far.yaml").out

    show(tmp_path, url, "New.")
    changed = command("a2a", "pin", "far.yaml", "--yes")
    assert changed.out.splitlines()[0] == "parrot:"
    assert {'  -  "description": "Old.",', '  +  "description": "New.",'} <= set(
        changed.out.splitlines()
    )

    shell.write("far.yaml", organism(url).replace("parrot", "other"))
    assert "parrot: gone from the file" in command("a2a", "pin", "far.yaml", "--yes").out


def test_no_card_is_written_down_where_somebody_says_no(
    shell: Shell, url: str, tmp_path: Path
) -> None:
    show(tmp_path, url, "Old.")
    shell.write("far.yaml", organism(url))
    refused = shell.run("a2a", "pin", "far.yaml", stdin=b"n\n")
    assert refused.code == 1
    assert "Old." in refused.out
    assert not (shell.directory / "a2a.lock.json").exists()


def test_agents_that_are_not_in_the_file_are_told_of(shell: Shell, command: Command) -> None:
    shell.write("far.yaml", organism("http://127.0.0.1:9"))
    unknown = command("a2a", "pin", "far.yaml", "parot")
    assert 'there is no agent "parot" elsewhere: parrot' in unknown.err
    shell.write("none.yaml", "{}")
    assert "the file names no agent elsewhere" in command("a2a", "pin", "none.yaml").err


def test_an_agent_that_is_not_there_is_told_of(shell: Shell, command: Command) -> None:
    shell.write("far.yaml", organism("http://127.0.0.1:9"))
    missing = command("a2a", "pin", "far.yaml")
    assert missing.code == 3
    assert "parrot cannot be reached" in missing.err
