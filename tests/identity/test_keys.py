"""Keys are read as they should be, or refused with the reason."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.identity.parts import ALICE, BOB, key_files
from xml_pipeline.errors import ConfigError
from xml_pipeline.identity.keys import PrivateKey, new_key, private_key, public_key

OTHERS = (
    ed448.Ed448PrivateKey.generate(),
    x25519.X25519PrivateKey.generate(),
    ec.generate_private_key(ec.SECP256R1()),
    rsa.generate_private_key(65_537, 2_048),
)
"""Keys of other algorithms."""


def test_a_key_survives_its_file(tmp_path: Path) -> None:
    private, public = key_files(tmp_path, "alice", ALICE)
    signature = private_key(private).sign(b"words")
    assert signature == ALICE.sign(b"words")
    assert public_key(public).verifies(signature, b"words")
    assert not public_key(public).verifies(signature, b"other words")
    assert not BOB.public.verifies(signature, b"words")


def test_a_signature_is_that_of_rfc_8032() -> None:
    """Section 7.1, test 1: the empty message."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b"
    )
    key = PrivateKey(ed25519.Ed25519PrivateKey.from_private_bytes(seed))
    assert key.sign(b"") == signature
    assert key.public.verifies(signature, b"")


def test_a_signature_with_a_larger_number_for_the_same_is_refused() -> None:
    """RFC 8032 5.1.7: S is below the order of the group, or one could make two of one."""
    order = 2**252 + 27742317777372353535851937790883648493
    signature = ALICE.sign(b"words")
    s = int.from_bytes(signature[32:], "little") + order
    assert s < 2**256
    assert not ALICE.public.verifies(signature[:32] + s.to_bytes(32, "little"), b"words")


def refused(read: Callable[[Path], object], file: Path) -> str:
    with pytest.raises(ConfigError) as refusal:
        read(file)
    [problem] = refusal.value.problems
    assert str(file) in problem
    return problem


@pytest.mark.parametrize("key", OTHERS, ids=lambda key: type(key).__name__)
def test_a_key_of_another_algorithm_is_refused(
    tmp_path: Path, key: ec.EllipticCurvePrivateKey
) -> None:
    private, public = tmp_path / "k.pem", tmp_path / "k.pub.pem"
    private.touch(mode=0o600)
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    assert "not of Ed25519" in refused(private_key, private)
    assert "not of Ed25519" in refused(public_key, public)


@pytest.mark.parametrize(
    "text",
    [b"", b"\0", b"words", ALICE.pem()[:60], ALICE.pem().replace(b"M", b"N", 1), b"x" * 100_000],
    ids=["nothing", "NUL", "words", "half of it", "other bytes", "much"],
)
def test_what_is_no_key_is_refused(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "key.pem"
    file.touch(mode=0o600)
    file.write_bytes(text)
    assert "is no private key in PEM" in refused(private_key, file)
    assert "is no public key in PEM" in refused(public_key, file)


def test_the_one_kind_is_not_taken_for_the_other(tmp_path: Path) -> None:
    private, public = key_files(tmp_path, "alice", ALICE)
    public.chmod(0o600)
    assert "is no private key in PEM" in refused(private_key, public)
    assert "is no public key in PEM" in refused(public_key, private)


def test_an_encrypted_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.touch(mode=0o600)
    file.write_bytes(
        ALICE._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    )
    assert "is encrypted" in refused(private_key, file)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o644])
def test_a_private_key_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    private, public = key_files(tmp_path, "alice", ALICE)
    private.chmod(mode)
    public.chmod(mode)
    assert f"chmod 600 {private}" in refused(private_key, private)
    assert public_key(public).pem() == ALICE.public.pem()


def test_what_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    assert "No such file" in refused(private_key, tmp_path / "none.pem")
    assert "is no file" in refused(public_key, pipe)
    assert re.search("Is a directory|is no file", refused(public_key, tmp_path))


def test_no_two_new_keys_are_the_same_and_none_shows_itself() -> None:
    one, other = new_key(), new_key()
    assert one.pem() != other.pem()
    assert one.pem().decode().splitlines()[1] not in f"{one!r} {one!s}"
