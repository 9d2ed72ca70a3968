"""Signed envelopes over HTTP, both ways: heard as their signer's, and answered signed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.identity.parts import ALICE, BOB, Reader, key_files
from tests.server.house import HELLO, Visitor, envelope, running
from xml_pipeline.config import OrganismConfig
from xml_pipeline.errors import Rejected, SignatureRefused
from xml_pipeline.events import Event, FaultEvent
from xml_pipeline.identity.nonces import Nonces
from xml_pipeline.identity.signing import Signer

XML = "application/xml"
ASKED = envelope(HELLO, "greeter").replace(b"<from>me<", b"<from>alice<")
SIGN = Signer(ALICE)


@asynccontextmanager
async def house(folder: Path, **more: object) -> AsyncIterator[Visitor]:
    """Run a house that believes alice and signs with bob's key."""
    (_, alice), (bob, _) = key_files(folder, "alice", ALICE), key_files(folder, "bob", BOB)
    config = OrganismConfig.model_validate(
        {
            "organism": {"identity": str(bob)},
            "trusted_keys": {"alice": str(alice)},
            "require_signature": True,
            **more,
        }
    )
    async with running(config=config) as visitor:
        visitor.organism.kernel.signatures.remember_in(Nonces(since=0.0))
        yield visitor


async def test_a_signed_envelope_is_answered_by_one_that_is_signed(tmp_path: Path) -> None:
    async with house(tmp_path) as visitor:
        response = await visitor.post(SIGN(ASKED), XML, wait="10")
    reader = Reader(keys={"greeter": BOB}, clock=SIGN._clock)
    read = reader(response.content)
    assert (response.status_code, read.wire.sender, read.to) == (200, "greeter", "alice")
    assert read.payload.findtext("text") == "Hello, Ada!"
    with pytest.raises(Rejected):
        Reader(keys={"greeter": BOB}, clock=SIGN._clock)(response.content.replace(b"Ada", b"Eve"))


async def test_what_is_not_signed_is_refused_in_plain_words(tmp_path: Path) -> None:
    refused = list[FaultEvent]()

    def note(event: Event) -> None:
        if isinstance(event, FaultEvent):
            refused.append(event)

    async with house(tmp_path) as visitor:
        visitor.organism.subscribe(note)
        responses = (
            await visitor.post(ASKED, XML),
            await visitor.post(ASKED, XML, wait="10"),
            await visitor.post(HELLO.encode(), XML, to="greeter"),
            await visitor.tell(),
            await visitor.post(Signer(BOB)(ASKED), XML),
        )
    for response in responses:
        said = response.json()
        assert (response.status_code, said["code"]) == (422, "validation")
        assert said["detail"] == SignatureRefused.words
    assert [each.id for each in refused] == [each.json()["id"] for each in responses]
    assert {each.from_id for each in refused} == {"http:operator"}


async def test_the_same_envelope_twice_is_refused_the_second_time(tmp_path: Path) -> None:
    raw = SIGN(ASKED)
    async with house(tmp_path) as visitor:
        first = await visitor.post(raw, XML, wait="10")
        second = await visitor.post(raw, XML, wait="10")
    assert (first.status_code, second.status_code) == (200, 422)


async def test_the_same_request_twice_is_one_message_as_ever(tmp_path: Path) -> None:
    raw = SIGN(ASKED)
    headers = {"Idempotency-Key": "k", "Content-Type": XML}
    async with house(tmp_path) as visitor:
        first, second = [
            await visitor.http.post("/v1/messages?wait=10", content=raw, headers=headers)
            for _ in range(2)
        ]
    assert (first.status_code, second.status_code) == (200, 200)


async def test_a_conversation_goes_on_with_what_its_signer_signs(tmp_path: Path) -> None:
    async with house(tmp_path) as visitor:
        thread = (await visitor.post(SIGN(ASKED), XML)).json()["thread"]
        again = envelope(HELLO, "greeter", thread).replace(b"<from>me<", b"<from>alice<")
        response = await visitor.post(SIGN(again), XML, wait="10")
    assert response.status_code == 200


async def test_a_key_that_fails_leaves_no_answer_rather_than_one_that_is_not_signed(
    tmp_path: Path,
) -> None:
    def fail(raw: bytes) -> bytes:
        raise OSError("the key is gone")

    async with house(tmp_path) as visitor:
        visitor.organism.kernel.signatures.sign = fail
        response = await visitor.post(SIGN(ASKED), XML, wait="10")
    assert response.status_code == 500
    assert b"Hello" not in response.content
