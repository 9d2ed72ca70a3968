"""What is told of a route, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Where = Literal["path", "query", "header"]

XML, JSON, PROBLEM = "application/xml", "application/json", "application/problem+json"
EVENTS, TEXT = "text/event-stream", "text/plain"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation; ``kind`` is a JSON type."""

    name: str
    where: Where
    meaning: str
    kind: str = "string"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. ``answers`` maps each status to what it means.

    ``produces`` are the media types of what is not a problem, ``consumes`` those of a body, and
    ``body`` is the name of its schema where it is JSON.
    """

    name: str
    method: str
    path: str
    meaning: str
    answers: Mapping[int, str]
    parameters: tuple[Parameter, ...] = ()
    produces: tuple[str, ...] = (JSON,)
    consumes: tuple[str, ...] = ()
    body: str = "Request"
    open: bool = False
