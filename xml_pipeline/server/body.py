"""The body of a request, read with bounds."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from xml_pipeline.server.desk import Desk
from xml_pipeline.server.problems import Problem


async def body_of(request: Request, desk: Desk) -> bytes:
    """Read the body, no more of it than a message may have, in no more time than is fair."""
    most = desk.organism.config.limits.message_bytes
    too_large = Problem(413, f"A message has at most {most} bytes.")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > most:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(desk.bounds.body_within):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise too_large
    except TimeoutError:
        raise Problem(408, "The body did not come in time.") from None
    except ClientDisconnect:
        raise Problem(400, "The body ended before its end.") from None
    return bytes(body)
