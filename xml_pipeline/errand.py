"""An errand as it is written to another node, and what comes back of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

from xml_pipeline.errors import (
    AuditFailed,
    BackendUnavailable,
    Overloaded,
    ShareExhausted,
    UnknownListener,
    UnknownThread,
)

_REFUSALS: Mapping[str, type[Exception]] = {
    each.__name__: each
    for each in (
        UnknownThread,
        UnknownListener,
        Overloaded,
        ShareExhausted,
        AuditFailed,
        ValueError,
    )
}


@dataclass(frozen=True, slots=True)
class Errand:
    """One thing to be done: ``kind`` is kill, answer, say or decide, ``by`` who wants it.

    ``text`` is the payload, the envelope, or a decision as JSON. What is to be done on a node, or
    on all of them, is of other kinds, and about no ``thread``: with list, what waits there for a
    decision is told, with owed, what answers are owed to whose payload has ``text`` as its tag.
    ``key`` is that of the mark under which a message is to be found again until a time in seconds
    since 1970, with its id behind ``head``.
    """

    kind: str
    thread: str
    by: str
    text: str = ""
    tenant: str = ""
    key: str = ""
    mark: str = ""
    head: str = ""
    until: float = 0.0


def read_errand(said: Mapping[str, Any]) -> Errand:
    """Return the errand that another node has written; TypeError where it is none."""
    errand = Errand(**said)
    *texts, until = astuple(errand)
    if not all(isinstance(each, str) for each in texts) or not isinstance(until, float):
        raise TypeError("a field is of another type")
    return errand


def result_of(told: Mapping[str, Any]) -> object:
    """Return what came of an errand, or raise what its node has raised."""
    if "error" not in told:
        return told.get("result")
    words = str(told.get("words"))
    raise _REFUSALS.get(str(told["error"]), BackendUnavailable)(words)
