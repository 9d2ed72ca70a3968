"""The reader: one file in, what it contains out."""

from __future__ import annotations

from handlers.census.library import read_source
from handlers.census.payloads import ReadSource, SourceRefused
from xml_pipeline import HandlerMetadata, HandlerResponse


async def read(payload: ReadSource, metadata: HandlerMetadata) -> HandlerResponse:
    """Read a file: in a process of its own, where the organism says so.

    A file that is no Python is an answer too: the library has some, to test its own parser.
    """
    try:
        return HandlerResponse.respond(read_source(payload.path))
    except (OSError, SyntaxError, ValueError) as error:
        return HandlerResponse.respond(SourceRefused(type(error).__name__))
