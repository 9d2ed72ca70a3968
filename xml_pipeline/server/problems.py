"""What goes wrong, as a client may know it: problem details (RFC 9457).

The rule this file guards: a client is told a status, fixed words, and the code and id of a
fault. Paths, names of classes, stacks and what a validator said stay in the log, under that id.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from xml_pipeline.errors import BackendUnavailable, FaultCode, UnknownListener
from xml_pipeline.listener import Listener
from xml_pipeline.names import did_you_mean

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

_NO_LISTENER = "There is no such listener."


class Problem(Exception):
    """A request ends with a problem; ``words`` are told to the client as they are.

    ``code`` and ``id`` are a fault's. ``retry_after`` is in seconds. ``more`` are further
    members of the problem.
    """

    def __init__(
        self,
        status: int,
        words: str,
        *,
        code: FaultCode | None = None,
        id: str = "",
        retry_after: float | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(words)
        self.status = HTTPStatus(status)
        self.words = words
        self.code = code
        self.id = id
        self.retry_after = retry_after
        self.more = dict(more or {})

    def members(self) -> dict[str, Any]:
        """Return the problem as a JSON object."""
        said: dict[str, Any] = {"type": "about:blank", "title": self.status.phrase}
        said |= {"status": int(self.status), "detail": self.words}
        if self.code is not None:
            said |= {"code": self.code}
        if self.id:
            said |= {"id": self.id}
        return said | self.more

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """Return the problem as an answer."""
        all_headers = dict(headers or {})
        if self.retry_after is not None:
            all_headers["Retry-After"] = str(max(1, math.ceil(self.retry_after)))
        if self.status == HTTPStatus.UNAUTHORIZED:
            all_headers["WWW-Authenticate"] = "Bearer"
        return Response(
            json.dumps(self.members()).encode(), self.status, all_headers, media_type=MEDIA_TYPE
        )


def no_listener(name: str, known: Iterable[Listener]) -> Problem:
    """Return that there is no listener of that name, and which one may have been meant."""
    meant = did_you_mean(name, (each.name for each in known))
    return Problem(404, f"There is no such listener; {meant}" if meant else _NO_LISTENER)


@contextmanager
def by_all_nodes() -> Iterator[None]:
    """Say of an order which this node has carried out that another may not have."""
    try:
        yield
    except (BackendUnavailable, UnknownListener) as error:
        log.warning("an order was carried out here, and not everywhere: %s", error)
        words = "It is done on this node; whether every other has done it is not known."
        after = BackendUnavailable.retry_after
        raise Problem(503, words, code="overload", retry_after=after) from None
