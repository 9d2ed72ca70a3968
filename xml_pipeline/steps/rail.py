"""The rail around the steps: what fails in one message never reaches another.

One exception would end an aiostream stream for everyone. Here, and in the dispatcher, are
the only two places that catch broadly: a ``Rejected`` becomes a fault with its code, and
anything else a logged ``internal`` fault.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from xml_pipeline.errors import Rejected
from xml_pipeline.message import Delivery, Station

log = logging.getLogger(__name__)

Step = Callable[[Any], Any]
Refuse = Callable[[Any, Rejected], None]
Entering = TypeVar("Entering", bound=Station)
Leaving = TypeVar("Leaving", bound=Station)


def rail(first: Step, rest: Sequence[Step], refuse: Refuse) -> Callable[[list[Any]], list[Any]]:
    """Fuse steps into one function over a batch; a message that fails goes to ``refuse``.

    ``rest`` is looked at for each message: what is put into it between two is run for the next.
    """

    def run(batch: list[Any]) -> list[Any]:
        done = []
        for station in batch:
            at = station
            try:
                at = first(at)
                for step in rest:
                    at = step(at)
            except Rejected as rejected:
                refuse(_refusable(at, station), rejected)
            except Exception as error:
                refuse(_refusable(at, station), unexpected(at, error))
            else:
                done.append(at)
        return done

    return run


def spread(
    step: Callable[[Entering], Iterable[Leaving]], refuse: Refuse
) -> Callable[[list[Entering]], list[Leaving]]:
    """Make a function over a batch of a step that turns one message into several, or none."""

    def run(batch: list[Entering]) -> list[Leaving]:
        done: list[Leaving] = []
        for station in batch:
            try:
                done.extend(step(station))
            except Rejected as rejected:
                refuse(station, rejected)
            except Exception as error:
                refuse(station, unexpected(station, error))
        return done

    return run


def _refusable(at: Station, entered: Station) -> Station:
    """Return the latest station that still has the bytes: a delivery has let go of them."""
    return entered if isinstance(at, Delivery) else at


def same_station(step: Step) -> Step:
    """Wrap a step that somebody else wrote, so that it can only return what it was given.

    An insert may replace a message by another of the same station; a different thing is an
    error of the insert, not of the sender.
    """

    def checked(station: Station) -> Station:
        result = step(station)
        if type(result) is not type(station):
            raise TypeError(
                f"{step!r} was given a {type(station).__name__} "
                f"and returned a {type(result).__name__}"
            )
        return result

    return checked


def unexpected(station: Station, error: Exception) -> Rejected:
    """Turn an error nobody foresaw into a refusal, with its traceback in the log."""
    log.exception("a step failed on a %s", type(station).__name__)
    return Rejected("internal", f"{type(error).__name__}: {error}")
