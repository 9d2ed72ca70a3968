"""Letters from node to node, about conversations: what both sides of them may expect.

What a letter says is not known here: it is bytes. The rule of every postbox: a letter is received
once or never. Whoever wants to know asks for a reply, and waits for it no longer than is fair.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


class Postbox(Protocol):
    """The boxes of all nodes. Everything may raise BackendUnavailable: then it may have worked."""

    async def send(self, shard: int, letter: bytes) -> bool:
        """Put a letter into the box of whoever holds a shard; False where nobody alive does.

        False also where too many letters wait there already.
        """

    async def reply(self, node: str, letter: bytes) -> bool:
        """Put a letter into the box of a node; False where it does not live."""

    async def receive(self, node: str) -> Sequence[bytes]:
        """Wait for letters in the box of a node, about a second at most."""

    async def close(self) -> None:
        """Hang up."""


@runtime_checkable
class HasPostbox(Protocol):
    """A backend whose nodes can write to one another."""

    def postbox(self) -> Postbox:
        """Return the postbox."""
