"""`dead-letters`: what was given up can be looked at, sent once more, or thrown away."""

from __future__ import annotations

import re

from tests.cli.conftest import Command
from tests.cli.shell import Shell

HANDLER = '''
    """A listener that works only where there is a file called `well`."""

    from pathlib import Path

    from handlers.play import Say
    from xml_pipeline import HandlerMetadata, HandlerResponse
    from xml_pipeline.errors import Retryable


    async def work(payload: Say, metadata: HandlerMetadata) -> HandlerResponse:
        if not Path("well").exists():
            raise Retryable("not \\x1b[31mwell")
        return HandlerResponse.respond(payload)
    '''
LISTENER = (
    "  - {name: worker, description: Works., payload_class: handlers.play:Say,"
    " handler: handlers.moody:work, max_deliveries: 2, retry: {base_delay: 0.01}}\n"
)


def test_a_letter_is_listed_shown_replayed_and_dropped(shell: Shell, command: Command) -> None:
    shell.write("handlers/moody.py", HANDLER)
    shell.organism.write_text(shell.organism.read_text() + LISTENER)
    with shell.organism_running():
        for text in ("one", "two"):
            assert command("ask", "worker", text).code == 1
        first, second = command("dead-letters", "--json").json
        assert (first["listener"], first["attempts"]) == ("worker", 2)
        assert {"message_id", "conversation_id", "reason", "payload"} <= first.keys()
        listed = command("dead-letters").out.splitlines()
        assert re.split(r"\s{2,}", listed[0]) == [
            "letter",
            "since",
            "listener",
            "attempts",
            "reason",
        ]
        assert [line.split()[0] for line in listed[1:]] == [first["id"], second["id"]]
        assert r"not \x1b[31mwell" in listed[1]
        shown = command("dead-letters", "show", first["id"])
        assert "<text>one</text>" in shown.out
        assert command("dead-letters", "show", first["id"], "--json").json == first
        (shell.directory / "well").touch()
        sent = command("dead-letters", "replay", first["id"])
        thread = command("threads", "show", sent.out.strip(), "--json").json
        assert thread["status"] == "completed"
        assert command("dead-letters", "drop", second["id"]).code == 0
        assert command("dead-letters", "--json").json == []
        gone = command("dead-letters", "replay", first["id"])
        assert (gone.code, gone.err) == (1, "Error: There is no such dead letter.\n")
