"""A project for processes that are going to be killed: orders that pass through three hands.

Each hand notes what it did in a file of its own, one line a call, before it passes the order on:
so somebody outside can see what really happened, whoever was killed when.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

HANDS = ("desk", "smith", "clerk")

HANDLERS = '''
    """Three hands that pass orders on, and note each call in a file."""

    import os
    from dataclasses import dataclass
    from pathlib import Path

    from xml_pipeline import HandlerMetadata, HandlerResponse, xmlify

    FOLDER = Path(os.environ["EFFECTS"])


    @xmlify
    @dataclass(frozen=True, slots=True)
    class Order:
        """Something that was ordered."""

        n: int


    @xmlify
    @dataclass(frozen=True, slots=True)
    class Done:
        """What was ordered is done."""

        n: int


    def note(metadata, n):
        line = f"{n} {metadata.message_id} {metadata.attempt}\\n".encode()
        file = os.open(FOLDER / metadata.own_name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, line)
        os.close(file)


    async def desk(payload: Order | Done, metadata: HandlerMetadata) -> HandlerResponse:
        if isinstance(payload, Done):
            return HandlerResponse.respond(payload)
        note(metadata, payload.n)
        return HandlerResponse(payload, to="smith")


    async def smith(payload: Order | Done, metadata: HandlerMetadata) -> HandlerResponse:
        if isinstance(payload, Done):
            return HandlerResponse.respond(payload)
        note(metadata, payload.n)
        return HandlerResponse(payload, to="clerk")


    async def clerk(payload: Order, metadata: HandlerMetadata) -> HandlerResponse:
        note(metadata, payload.n)
        return HandlerResponse.respond(Done(payload.n))
'''

ORGANISM = """
    organism: {name: orders}
    server: {port: 0}
    max_concurrent_handlers: 100
    backend: {BACKEND}
    listeners:
      - name: desk
        description: Takes orders.
        handler: handlers.orders.desk
        peers: [smith]
      - name: smith
        description: Works on them.
        handler: handlers.orders.smith
        peers: [clerk]
      - name: clerk
        description: Keeps the books.
        handler: handlers.orders.clerk
"""


def write_project(folder: Path, backend: str = "{type: sqlite, path: journal.db}") -> Path:
    """Write the project into a folder; return its organism file."""
    (folder / "handlers").mkdir()
    (folder / "effects").mkdir()
    (folder / "handlers" / "__init__.py").touch()
    (folder / "handlers" / "orders.py").write_text(dedent(HANDLERS))
    file = folder / "organism.yaml"
    file.write_text(dedent(ORGANISM).replace("{BACKEND}", backend))
    return file
