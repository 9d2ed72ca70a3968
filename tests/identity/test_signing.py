"""A signed envelope says the same as before, and a signature of schema and standard."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.identity.parts import ALICE, NOW, SIGNATURES, Reader, envelope, key_files, signer
from xml_pipeline.errors import Rejected
from xml_pipeline.identity.form import PARTS, canonical, moment_of, moment_text
from xml_pipeline.identity.signing import Signer
from xml_pipeline.payload import compile_schema

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")) | st.sampled_from("\t\n\r"),
    max_size=40,
).filter(lambda text: "\ufffe" not in text and "\uffff" not in text)


def test_the_parts_of_a_signature_are_the_last_of_meta_and_fit_their_schema() -> None:
    signed = etree.fromstring(signer()(envelope()))
    schema = compile_schema((files("xml_pipeline") / "schemas" / "signature.xsd").read_bytes())
    parts = [*signed[0]][-4:]
    assert [each.tag for each in parts] == PARTS
    for part in parts:
        schema.assertValid(etree.fromstring(canonical(part)))
    assert not schema.validate(etree.fromstring(f'<sig xmlns="{SIGNATURES}">AA==</sig>'))


def test_what_is_signed_is_canonical_and_no_two_are_the_same() -> None:
    sign, raw = signer(), envelope()
    one, other = sign(raw), sign(raw)
    assert one == canonical(etree.fromstring(one))
    assert one != other


def test_signing_again_replaces_the_signature() -> None:
    twice = signer()(signer()(envelope()))
    assert [each.tag for each in etree.fromstring(twice)[0]][3:] == PARTS
    assert Reader()(twice).wire.sender == "alice"


def test_a_signer_may_say_who_says_it() -> None:
    sign = Signer(ALICE, sender="alice", clock=lambda: NOW)
    assert Reader()(sign(envelope(sender="whoever"))).wire.sender == "alice"


@given(text=TEXTS, blank=st.sampled_from(["", " ", "\n  "]))
def test_whatever_a_payload_says_its_signature_holds_in_every_spelling(
    text: str, blank: str
) -> None:
    """Quotes, order of attributes, character references, empty tags: C14N makes them one."""
    root = etree.Element("Task", {"b": text, "a": "1"})
    root.text, root.tail = text, blank
    xml = etree.tostring(root, encoding="unicode").replace("<Task", '<Task xmlns=""', 1)
    signed = signer()(envelope(payload=blank + xml))
    spelled = etree.tostring(etree.fromstring(signed), encoding="utf-8", xml_declaration=True)
    assert Reader()(spelled).payload.get("b") == Reader()(signed).payload.get("b")


def test_anybody_with_openssl_can_check_a_signature(tmp_path: Path) -> None:
    _, public = key_files(tmp_path, "alice", ALICE)
    root = etree.fromstring(signer()(envelope()))
    sig = root[0][-1]
    (tmp_path / "sig.b64").write_text(f"{sig.text}\n")
    root[0].remove(sig)
    (tmp_path / "signed").write_bytes(etree.tostring(root, method="c14n", exclusive=True))
    script = (
        "openssl base64 -d -A -in sig.b64 -out sig &&"
        f" openssl pkeyutl -verify -pubin -inkey {public.name} -rawin -in signed -sigfile sig"
    )
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, check=False)
    assert b"Verified Successfully" in done.stdout, done.stderr


@pytest.mark.parametrize("raw", [b"", b"<message/>", envelope()[:-3], envelope(payload="")])
def test_what_is_no_envelope_is_not_signed(raw: bytes) -> None:
    with pytest.raises(Rejected):
        signer()(raw)


@given(st.integers(0, 253_402_300_799_000_000))
def test_a_time_survives_being_written(microseconds: int) -> None:
    written = moment_text(microseconds / 1e6)
    assert moment_of(written) == pytest.approx(microseconds / 1e6, abs=1e-4)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-21",
        "2026-11-21T05:14:29Z",
        "2026-11-21T05:14:29.640739",
        "2026-11-21T05:14:29.640739+00:00",
        "2026-13-21T05:14:29.640739Z",
        "2026-11-21T05:14:61.640739Z",
        " 2026-11-21T05:14:29.640739Z",
        "\u0662026-11-21T05:14:29.640739Z",
    ],
)
def test_a_time_in_another_form_is_none(text: str) -> None:
    assert moment_of(text) is None


def test_a_time_is_written_in_universal_time() -> None:
    assert moment_text(datetime(2026, 11, 21, 5, 14, 29, 5, UTC).timestamp()) == (
        "2026-11-21T05:14:29.000005Z"
    )
