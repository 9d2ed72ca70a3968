"""What worker processes do in `offload.py`: burn processor time."""

from __future__ import annotations

from time import thread_time

from benchmarks.floor import Ball
from xml_pipeline import HandlerMetadata, HandlerResponse

SECONDS = 0.005


def burn() -> None:
    """Compute for five milliseconds of processor time."""
    end = thread_time() + SECONDS
    while thread_time() < end:
        pass


async def burn_and_return(ball: Ball, metadata: HandlerMetadata) -> HandlerResponse:
    """Burn, then return the ball."""
    burn()
    return HandlerResponse.respond(ball)
