"""What the server holds and waits for at most."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of the server itself; those of a message are the organism's.

    ``events`` and ``event_bytes`` bound the ring from which readers of events are served: one
    that falls behind its end is cut off. ``conversations``, ``messages`` (of one conversation)
    and ``history_bytes`` bound what is remembered for ``/v1/threads``. ``keys``, ``key_bytes``
    and ``key_seconds`` bound the table of idempotency keys. ``connections`` is how many there
    may be in all, with a token or without. ``streams`` is how many readers of
    events there may be at once, ``commands`` how many answers one WebSocket may wait for.
    ``keep_alive`` is the silence on a stream of events, in seconds, after which a sign of life
    is sent; ``headers_within`` and ``body_within`` are what a client may take to send those,
    ``wait`` the longest a request may ask to wait, and ``close_within`` what open requests get
    when the server stops. ``addresses`` are told of one task of an A2A client, ``notified`` of all
    of them; what is not told is tried again after each of the ``notify_again`` seconds.
    """

    events: int = 10_000
    event_bytes: int = 16 * MIB
    conversations: int = 1_000
    messages: int = 100
    history_bytes: int = 64 * MIB
    keys: int = 10_000
    key_bytes: int = 16 * MIB
    key_seconds: float = 3_600.0
    connections: int = 1_000
    streams: int = 256
    commands: int = 100
    keep_alive: float = 15.0
    headers_within: float = 10.0
    body_within: float = 30.0
    wait: float = 600.0
    close_within: int = 5
    addresses: int = 10
    notified: int = 1_000
    notify_again: tuple[float, ...] = (1.0, 5.0)
