"""Idempotency keys: the same request twice is one message.

After draft-ietf-httpapi-idempotency-key-header-07. What is remembered under a key is not an
answer but the exchange: whoever repeats the request joins it, at whatever point it is. What
other processes remembered is in the journal (``repeats``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xml_pipeline.server.exchange import Exchange
from xml_pipeline.server.problems import Problem


@dataclass(frozen=True, slots=True)
class _Remembered:
    fingerprint: bytes
    exchange: Exchange
    until: float


class Keys:
    """The exchanges of the last keys; bounded by number, by bytes of answers, and by time.

    ``clock`` gives seconds that never jump.
    """

    def __init__(
        self, most: int, most_bytes: int, seconds: float, clock: Callable[[], float]
    ) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._seconds = seconds
        self._clock = clock
        self._by_key: dict[str, _Remembered] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._by_key)

    def find(self, key: str, fingerprint: bytes) -> Exchange | None:
        """Return the exchange of an earlier request; Problem where that was another one.

        One that was left to others is none: whoever repeats the request is to find what is written.
        """
        self._expire()
        found = self._by_key.get(key)
        if found is None or found.exchange.is_left:
            return None
        check_same(found.fingerprint, fingerprint)
        return found.exchange

    def remember(self, key: str, fingerprint: bytes, exchange: Exchange) -> None:
        """Keep an exchange under a key; the oldest go where there are too many."""
        remembered = _Remembered(fingerprint, exchange, self._clock() + self._seconds)
        self._by_key[key] = remembered
        if len(self._by_key) > self._most:
            self._forget_oldest()
        exchange.when_over(lambda: self._weigh(key, remembered))

    def _weigh(self, key: str, remembered: _Remembered) -> None:
        if self._by_key.get(key) is remembered:
            self._bytes += remembered.exchange.size
            while self._bytes > self._most_bytes:
                self._forget_oldest()

    def _expire(self) -> None:
        now = self._clock()
        while self._by_key and next(iter(self._by_key.values())).until <= now:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        self._bytes -= self._by_key.pop(next(iter(self._by_key))).exchange.size


def check_same(earlier: bytes, fingerprint: bytes) -> None:
    """Raise Problem where a key stands for another request."""
    if earlier != fingerprint:
        raise Problem(422, "This Idempotency-Key was used for another request.")
