"""The reader: one file in, what it contains out."""

from __future__ import annotations

import asyncio

from handlers.census.library import read_source
from handlers.census.payloads import ReadSource, SourceRefused
from xml_pipeline import HandlerMetadata, HandlerResponse


async def read(payload: ReadSource, metadata: HandlerMetadata) -> HandlerResponse:
    """Read a file in a thread: the pump moves on meanwhile.

    A file that is no Python is an answer too: the library has some, to test its own parser.
    """
    try:
        return HandlerResponse.respond(await asyncio.to_thread(read_source, payload.path))
    except (OSError, SyntaxError, ValueError) as error:
        return HandlerResponse.respond(SourceRefused(type(error).__name__))
