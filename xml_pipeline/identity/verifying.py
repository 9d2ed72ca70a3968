"""Who signed an envelope from outside.

The rule this file guards: a signature counts only where it stands alone in the one place for
it, is made with the key of the sender that the envelope names, is neither over nor used
before; and the tree it was checked against is the tree that goes on. Everything else about
signatures is refused, in one and the same way; the details are for the log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from xml_pipeline.errors import Rejected, SignatureRefused
from xml_pipeline.identity.form import (
    AHEAD,
    LONGEST,
    OURS,
    PARTS,
    SKEW,
    canonical,
    is_nonce,
    moment_of,
    signature_of,
)
from xml_pipeline.identity.nonces import NonceMemory, Nonces, Signed
from xml_pipeline.message import Origin, Wire

_FOREIGN = "{http://www.w3.org/2000/09/xmldsig#}*"


class Key(Protocol):
    """What checks a signature."""

    def verifies(self, signature: bytes, data: bytes) -> bool: ...


class Verifier:
    """The step that takes an envelope's word for who sent it, where that is signed.

    A verified signature is an authenticated channel of its own: its name takes the place of
    the one who brought the envelope. Where ``required``, whatever is not signed is refused.
    A conversation belongs to whoever opened it: the same name, over the same channel.

    ``keys``, ``required`` and ``nonces`` may be replaced while it is at work. ``is_inside`` tells
    which names nobody outside may have.
    """

    def __init__(
        self,
        is_inside: Callable[[str], bool],
        *,
        nonces: NonceMemory | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.keys: Mapping[str, Key] = {}
        self.required = False
        self._is_inside = is_inside
        self.nonces: NonceMemory = nonces if nonces is not None else Nonces()
        self._clock = clock
        self._heard: dict[Wire, float] = {}

    def __call__(self, root: Any, wire: Wire) -> Wire:
        """Return the wire, under the name that signed it; the signature leaves the tree.

        ``root`` is a canonical, valid envelope. Raises SignatureRefused, and Rejected for a
        conversation of somebody else.
        """
        meta = root[0]
        found = list(root.iter(OURS))
        if next(meta.iterchildren(_FOREIGN), None) is not None:
            raise SignatureRefused("of a kind that is not known here")
        if found:
            return _under(self._taken(root, found, wire), "signed", wire)
        if self.required:
            raise SignatureRefused("there is none")
        return _under(wire.sender, wire.origin, wire)

    def heard(self, wire: Wire, at: float) -> None:
        """Judge a signature, when its turn comes, as of the time at which it was accepted."""
        self._heard[wire] = at

    def examine(self, root: Any) -> Signed | None:
        """Return whose signature an envelope has, and until when it counts; None for none.

        Raises SignatureRefused for one that does not count now.
        """
        found = list(root.iter(OURS))
        return self._verified(root, found, self._clock()) if found else None

    def _taken(self, root: Any, found: list[Any], wire: Wire) -> str:
        """Return the name that signed the tree, from now on never again with this signature."""
        now = self._heard.pop(wire, None)
        sender, nonce, until = self._verified(root, found, now or self._clock())
        if now is None:
            self.nonces.check(sender, nonce)
        self.nonces.note(sender, nonce, until, now or self._clock())
        return sender

    def _verified(self, root: Any, found: list[Any], now: float) -> Signed:
        """Return who signed the tree, and take ``<sig>`` out of it."""
        meta = root[0]
        sender, key = self._key(meta)
        texts = _texts(meta, found)
        signature = signature_of(texts[-1])
        meta.remove(found[-1])
        if signature is None or not key.verifies(signature, canonical(root)):
            raise SignatureRefused(f"not made by {sender!r} for this envelope")
        return Signed(sender, texts[0], self._end(texts, now))

    def _key(self, meta: Any) -> tuple[str, Key]:
        sender = meta[0].text or ""
        key = self.keys.get(sender)
        if key is None:
            raise SignatureRefused(f"no key of {sender[:100]!r} is known")
        if self._is_inside(sender):
            raise SignatureRefused(f"nobody outside may be called {sender!r}")
        return sender, key

    def _end(self, texts: list[str], now: float) -> float:
        """Return until when it holds; refuse what does not now, or is of a time unremembered."""
        nonce, signed, expires, _ = texts
        begin, end = moment_of(signed), moment_of(expires)
        if begin is None or end is None or not is_nonce(nonce):
            raise SignatureRefused("its nonce, or a time in it, is not written as it should be")
        if begin > now + AHEAD:
            raise SignatureRefused(f"it is of a time to come: {signed}; are the clocks right?")
        if now > end + SKEW:
            raise SignatureRefused(f"it has expired: {expires}")
        if not 0 < end - begin <= LONGEST:
            raise SignatureRefused(f"it holds for more than {LONGEST} s, or not at all")
        if begin <= self.nonces.since + AHEAD:
            raise SignatureRefused(f"of a time that is not remembered: {signed}; sign it again")
        return end + SKEW


def _texts(meta: Any, found: list[Any]) -> list[str]:
    """Return what the parts of a signature say; refuse it where they are not as they should be."""
    if found != meta[-len(PARTS) :] or [each.tag for each in found] != PARTS:
        raise SignatureRefused("not in the one place where it may be")
    if any(len(each) or each.attrib or each.tail for each in found):
        raise SignatureRefused("with more in it than there should be")
    return [each.text or "" for each in found]


def _under(name: str, origin: Origin, wire: Wire) -> Wire:
    """Return a wire under the name that is authentic; it must be the one of its conversation."""
    conversation, thread = wire.conversation, wire.thread
    if conversation.principal != name:
        if wire.id != 1 or thread is None:
            raise Rejected("validation", f"{name!r} in a conversation of another")
        conversation.principal = thread.caller = name
    if wire.origin == origin:
        return wire
    notes = wire.repairs
    if wire.sender != name:
        notes = (*notes, f"signed by {name}, brought by {wire.sender}")
    return Wire(
        wire.raw,
        origin,
        wire.kind,
        name,
        conversation,
        thread,
        wire.id,
        wire.in_reply_to,
        wire.hops,
        repairs=notes,
        attempt=wire.attempt,
    )
