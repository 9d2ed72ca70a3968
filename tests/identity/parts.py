"""Keys, signers and a reader that believes them, for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from xml_pipeline.identity.form import USUAL
from xml_pipeline.identity.keys import PrivateKey, new_key
from xml_pipeline.identity.nonces import Nonces
from xml_pipeline.identity.signing import Signer
from xml_pipeline.identity.verifying import Verifier
from xml_pipeline.message import Envelope, Wire
from xml_pipeline.steps.envelope import ReadEnvelope
from xml_pipeline.steps.limits import DEFAULT_LIMITS
from xml_pipeline.thread import Conversation, Thread

NOW = 1_800_000_000.0
NAMESPACE = "https://xml-pipeline.org/ns/envelope/v1"
SIGNATURES = "https://xml-pipeline.org/ns/sig/v1"
TASK = '<Task xmlns=""><text>x</text></Task>'

ALICE, BOB = new_key(), new_key()


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def envelope(sender: str = "alice", to: str = "worker", payload: str = TASK) -> bytes:
    return (
        f'<message xmlns="{NAMESPACE}"><meta><from>{sender}</from><to>{to}</to>'
        f"<thread/></meta>{payload}</message>"
    ).encode()


def signer(
    key: PrivateKey = ALICE, seconds: float = USUAL, clock: Callable[[], float] | None = None
) -> Signer:
    return Signer(key, seconds, clock=clock or Clock())


class Reader:
    """Reads envelopes from outside as the pump does, and says who sent them."""

    def __init__(
        self,
        clock: Callable[[], float] | None = None,
        *,
        keys: Mapping[str, PrivateKey] | None = None,
        required: bool = True,
        since: float = 0.0,
        most: int = 1_000,
        inside: frozenset[str] = frozenset({"worker"}),
    ) -> None:
        known = {"alice": ALICE, "bob": BOB} if keys is None else keys
        self.nonces = Nonces(most, since)
        self.verifier = Verifier(inside.__contains__, nonces=self.nonces, clock=clock or Clock())
        self.verifier.keys = {name: key.public for name, key in known.items()}
        self.verifier.required = required
        self.read = ReadEnvelope(DEFAULT_LIMITS)
        self.read.authenticate = self.verifier

    def __call__(self, raw: bytes, channel: str = "http:operator") -> Envelope:
        """Read one envelope, as the first message of a conversation."""
        conversation = Conversation(1, "c", channel, "")
        thread = Thread("c", conversation, None, channel, "", 1)
        return self.read(Wire(raw, "outside", "inject", channel, conversation, thread, 1))


def key_files(folder: Path, name: str, key: PrivateKey) -> tuple[Path, Path]:
    """Write a private key and its public one; return where."""
    private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
    private.touch(mode=0o600)
    private.write_bytes(key.pem())
    public.write_bytes(key.public.pem())
    return private, public
