"""An organism in this very process, spoken to by the same routes as any other."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from xml_pipeline.cli.client import Client, connected
from xml_pipeline.cli.text_logs import text_lines
from xml_pipeline.logs import log_lines
from xml_pipeline.organism import Organism
from xml_pipeline.server import application, serve

SENDER = "cli"


@asynccontextmanager
async def started(file: Path) -> AsyncIterator[Client]:
    """Run the organism of a file while the context is open; give a client of it."""
    with log_lines(text_lines(colors=False), "warning") as lines:
        organism = Organism.load(file)
        lines.redact = organism.kernel.redacting
        async with organism, client_of(organism, SENDER) as client:
            await organism.boot()
            yield client


@asynccontextmanager
async def served(file: Path, *, attended: bool) -> AsyncIterator[Client]:
    """Run the organism of a file, and serve it on a free port of this machine alone."""
    with log_lines(text_lines(colors=False), "error") as lines:
        organism = Organism.load(file)
        lines.redact = organism.kernel.redacting
        token = secrets.token_urlsafe()
        private = organism.config.server.model_copy(update={"bind": "127.0.0.1", "port": 0})
        async with (
            organism,
            serve(organism, private, token, attended=attended) as address,
            connected(address.url, token) as client,
        ):
            await organism.boot()
            yield client


@asynccontextmanager
async def client_of(organism: Organism, sender: str) -> AsyncIterator[Client]:
    """Give a client of an organism in this process: the same routes, without a socket."""
    token = secrets.token_urlsafe()
    app = application(organism, token=token, sender=sender)
    try:
        async with connected("http://localhost", token, httpx.ASGITransport(app)) as client:
            yield client
    finally:
        app.state.desk.close()
