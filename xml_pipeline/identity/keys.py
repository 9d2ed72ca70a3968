"""Ed25519 keys in PEM files.

The rule this file guards: a key is read as it should be, or refused with the reason. A private
key that others than its owner can read is refused too: it may be theirs by now.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from xml_pipeline.errors import ConfigError

_MOST_BYTES = 16 * 1024
_FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class PublicKey:
    """Tells whether a signature was made with the private key that belongs to it."""

    __slots__ = ("_key",)

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Tell whether this is the signature of that data (RFC 8032, pure Ed25519)."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def pem(self) -> bytes:
        """Return it as SubjectPublicKeyInfo in PEM."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class PrivateKey:
    """Signs."""

    __slots__ = ("_key",)

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    def sign(self, data: bytes) -> bytes:
        """Return the 64 bytes of a signature (RFC 8032, pure Ed25519)."""
        return self._key.sign(data)

    @property
    def public(self) -> PublicKey:
        """Return the public key that belongs to it."""
        return PublicKey(self._key.public_key())

    def pem(self) -> bytes:
        """Return it as PKCS #8 in PEM, unencrypted."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def new_key() -> PrivateKey:
    """Make a private key."""
    return PrivateKey(Ed25519PrivateKey.generate())


def private_key(file: Path) -> PrivateKey:
    """Read a private key, PKCS #8 in PEM, unencrypted; ConfigError where that cannot be."""
    key = _decoded(file, lambda pem: load_pem_private_key(pem, None), is_private=True)
    if not isinstance(key, Ed25519PrivateKey):
        raise _refused(file, "is a private key, but not of Ed25519")
    return PrivateKey(key)


def public_key(file: Path) -> PublicKey:
    """Read a public key, SubjectPublicKeyInfo in PEM; ConfigError where that cannot be."""
    key = _decoded(file, load_pem_public_key, is_private=False)
    if not isinstance(key, Ed25519PublicKey):
        raise _refused(file, "is a public key, but not of Ed25519")
    return PublicKey(key)


def _decoded(file: Path, decode: Callable[[bytes], Any], *, is_private: bool) -> Any:
    pem = _read(file, is_private=is_private)
    kind = "private" if is_private else "public"
    try:
        return decode(pem)
    except TypeError:
        raise _refused(file, "is encrypted: give it unencrypted, for its owner only") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _refused(file, f"is no {kind} key in PEM") from None


def _read(file: Path, *, is_private: bool) -> bytes:
    try:
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as opened:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode):
                raise _refused(file, "is no file")
            if is_private and os.name == "posix" and about.st_mode & _FOR_OTHERS:
                raise _refused(file, f"is open to others than its owner: chmod 600 {file}")
            return opened.read(_MOST_BYTES)
    except OSError as error:
        raise _refused(file, f"cannot be read: {error.strerror}") from None


def _refused(file: Path, why: str) -> ConfigError:
    return ConfigError((f'the key "{file}" {why}',))
