"""What an attacker does to a signed envelope.

XSW is XML signature wrapping, after Somorovsky et al., "On Breaking SAML" (2012), whose eight
variants are told by where the signed part goes and where the forged one stands.
"""

from __future__ import annotations

import base64
import copy
import time
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448
from cryptography.hazmat.primitives.hashes import SHA256
from lxml import etree

from tests.identity.parts import ALICE, BOB, NAMESPACE, SIGNATURES, envelope
from xml_pipeline.identity.form import PARTS, canonical
from xml_pipeline.identity.signing import Signer

FORGED = '<Task xmlns=""><text>forged</text></Task>'
DSIG = "http://www.w3.org/2000/09/xmldsig#"
META = "https://xml-pipeline.org/ns/meta/v1"


def parsed(raw: bytes) -> Any:
    return etree.fromstring(raw)


def signed() -> Any:
    """Return an envelope that alice signed just now, as a tree."""
    return parsed(Signer(ALICE)(envelope()))


def forged(root: Any) -> Any:
    """Return the same envelope with another payload."""
    other = copy.deepcopy(root)
    other[1][0].text = "forged"
    return other


def without_signature(root: Any) -> Any:
    other = copy.deepcopy(root)
    for part in PARTS:
        other[0].remove(other[0].find(part))
    return other


# ── XSW 1 to 8: the signed envelope is kept whole, and another one is to be believed ────


def xsw1() -> Any:
    """The signed envelope is a child of the signature, which stands in the forged one."""
    original, outer = signed(), forged(signed())
    outer[0][-1].append(original)
    return outer


def xsw2() -> Any:
    """The signed envelope stands beside the signature of the forged one."""
    original, outer = signed(), forged(signed())
    outer[0].append(original)
    return outer


def xsw3() -> Any:
    """The signed payload stands before the forged one."""
    root = signed()
    root.append(parsed(FORGED.encode()))
    return root


def xsw4() -> Any:
    """The signed envelope is the child of a forged payload."""
    original = signed()
    outer = forged(without_signature(original))
    outer[1].append(original)
    return outer


def xsw5() -> Any:
    """The signature is the forged envelope's; the signed one, without it, stands at the end."""
    original, outer = signed(), forged(signed())
    outer[1].append(without_signature(original))
    return outer


def xsw6() -> Any:
    """As before, with the signed envelope inside the signature."""
    original, outer = signed(), forged(signed())
    outer[0].find(PARTS[0]).append(without_signature(original))
    return outer


def xsw7() -> Any:
    """The signed envelope is in an extension of the header that no schema knows."""
    original = signed()
    outer = forged(without_signature(original))
    extension = etree.SubElement(outer[0], "{urn:x}Extensions")
    extension.append(original)
    return outer


def xsw8() -> Any:
    """As before, in an object of a standard signature."""
    original = signed()
    outer = forged(signed())
    wrapper = etree.SubElement(outer[0], f"{{{DSIG}}}Signature")
    etree.SubElement(wrapper, f"{{{DSIG}}}Object").append(original)
    return outer


# ── Parts moved, doubled, taken away, dressed up ────────────────────────────────────────


def moved(part: str, to: Callable[[Any], Any]) -> Callable[[], Any]:
    def make() -> Any:
        root = signed()
        to(root).append(root[0].find(part))
        return root

    return make


def doubled(part: str) -> Callable[[], Any]:
    def make() -> Any:
        root = signed()
        found = root[0].find(part)
        found.addnext(copy.deepcopy(found))
        return root

    return make


def missing(part: str) -> Callable[[], Any]:
    def make() -> Any:
        root = signed()
        root[0].remove(root[0].find(part))
        return root

    return make


def dressed(change: Callable[[Any], object]) -> Callable[[], Any]:
    """Change the signature itself, in a way that leaves what was signed alone."""

    def make() -> Any:
        root = signed()
        change(root[0].find(PARTS[-1]))
        return root

    return make


def changed(change: Callable[[Any], object]) -> Callable[[], Any]:
    def make() -> Any:
        root = signed()
        change(root)
        return root

    return make


def _set(path: str, text: str) -> Callable[[Any], object]:
    def change(root: Any) -> None:
        root.find(path).text = text

    return change


def _respelled(text: str) -> str:
    """Return another base64 of the same bytes: the last digit has four bits to spare."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    at = digits.index(text[-3])
    return f"{text[:-3]}{digits[at ^ 1]}=="


def other_algorithm(sign: Callable[[bytes], bytes]) -> Callable[[], Any]:
    def make() -> Any:
        root = signed()
        sig = root[0][-1]
        root[0].remove(sig)
        sig.text = base64.b64encode(sign(canonical(root))).decode()
        root[0].append(sig)
        return root

    return make


def aged(seconds: float, age: float = 0.0) -> Callable[[], Any]:
    return lambda: parsed(Signer(ALICE, seconds, clock=lambda: time.time() - age)(envelope()))


_M = f"{{{NAMESPACE}}}"
_P256, _ED448 = ec.generate_private_key(ec.SECP256R1()), ed448.Ed448PrivateKey.generate()

ATTACKS: dict[str, Callable[[], Any]] = {
    "nothing is signed": lambda: parsed(envelope()),
    "another's key": lambda: parsed(Signer(BOB)(envelope("alice"))),
    "one's own key for another's name": lambda: parsed(Signer(BOB)(envelope("worker"))),
    "a key that nobody knows": lambda: parsed(Signer(ALICE)(envelope("carol"))),
    "a name in other letters": lambda: parsed(Signer(ALICE)(envelope("Alice"))),
    "a name that looks alike": lambda: parsed(Signer(ALICE)(envelope("\u0430lice"))),
    "a name with a blank": lambda: parsed(Signer(ALICE)(envelope(" alice"))),
    "no name": lambda: parsed(Signer(ALICE)(envelope(""))),
    "expired": aged(300, age=400),
    "of tomorrow": aged(300, age=-86_400),
    "for ever": aged(3_601),
    "ended before it began": aged(-1),
    "of P-256": other_algorithm(lambda data: _P256.sign(data, ec.ECDSA(SHA256()))),
    "of Ed448": other_algorithm(_ED448.sign),
    "of the hash": other_algorithm(lambda data: ALICE.sign(data[:32])),
    "of nothing": other_algorithm(lambda data: ALICE.sign(b"")),
    "all zero": other_algorithm(lambda data: bytes(64)),
    "too long": other_algorithm(lambda data: ALICE.sign(data) + b"\0"),
    "too short": other_algorithm(lambda data: ALICE.sign(data)[:-1]),
    "another payload": lambda: forged(signed()),
    "another addressee": changed(_set(f"{_M}meta/{_M}to", "boss")),
    "no addressee": changed(lambda root: root[0].remove(root[0].find(f"{_M}to"))),
    "another thread": changed(_set(f"{_M}meta/{_M}thread", "t")),
    "another sender": changed(_set(f"{_M}meta/{_M}from", "bob")),
    "another nonce": changed(_set(f"{_M}meta/{PARTS[0]}", "0" * 32)),
    "a later beginning": changed(_set(f"{_M}meta/{PARTS[1]}", "2999-01-01T00:00:00.000000Z")),
    "a later end": changed(_set(f"{_M}meta/{PARTS[2]}", "2999-01-01T00:00:00.000000Z")),
    "an attribute": changed(lambda root: root[1].set("a", "1")),
    "blank text": changed(lambda root: setattr(root[1], "tail", "\n")),
    "a stamp": changed(lambda root: root[0].insert(3, etree.Element(f"{{{META}}}hops"))),
    "a signature without its padding": dressed(lambda sig: setattr(sig, "text", sig.text[:-2])),
    "a signature in another spelling": dressed(
        lambda sig: setattr(sig, "text", _respelled(sig.text))
    ),
    "a signature in two lines": dressed(
        lambda sig: setattr(sig, "text", f"{sig.text[:44]}\n{sig.text[44:]}")
    ),
    "a signature with blanks": dressed(lambda sig: setattr(sig, "text", f" {sig.text} ")),
    "a signature with an attribute": dressed(lambda sig: sig.set("algorithm", "none")),
    "a signature with a child": dressed(lambda sig: etree.SubElement(sig, "x")),
    "a signature with text behind it": dressed(lambda sig: setattr(sig, "tail", "\n")),
    "an empty signature": dressed(lambda sig: setattr(sig, "text", None)),
    "a signature of the standard beside it": changed(
        lambda root: root[0].insert(3, etree.Element(f"{{{DSIG}}}Signature"))
    ),
    "a signature of the standard instead": lambda: _with_standard(without_signature(signed())),
    "a part nobody knows": changed(
        lambda root: root[0].insert(3, etree.Element(f"{{{SIGNATURES}}}alg"))
    ),
    **{f"XSW {number}": each for number, each in enumerate(
        (xsw1, xsw2, xsw3, xsw4, xsw5, xsw6, xsw7, xsw8), start=1)},
    **{f"no {part[part.index('}') + 1 :]}": missing(part) for part in PARTS},
    **{f"two {part[part.index('}') + 1 :]}": doubled(part) for part in PARTS},
    **{f"{part[part.index('}') + 1 :]} in the payload": moved(part, lambda root: root[1])
       for part in PARTS},
    **{f"{part[part.index('}') + 1 :]} in the message": moved(part, lambda root: root)
       for part in PARTS},
    **{f"{part[part.index('}') + 1 :]} not in its place": moved(part, lambda root: root[0])
       for part in PARTS[:-1]},
}  # fmt: skip


def _with_standard(root: Any) -> Any:
    etree.SubElement(root[0], f"{{{DSIG}}}Signature")
    return root
