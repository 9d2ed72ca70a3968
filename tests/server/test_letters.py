"""Routes for dead letters."""

from __future__ import annotations

import pytest

from tests.server.house import Greeted, Greeting, Visitor, running
from xml_pipeline.errors import Retryable
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener

LETTERS = "/v1/dead-letters"


class Moody:
    """Greets when it is in the mood."""

    def __init__(self) -> None:
        self.willing = False
        self.listener = Listener(
            "moody", Greeting, self.greet, description="Has moods.", max_deliveries=1
        )

    async def greet(self, payload: Greeting, metadata: HandlerMetadata) -> HandlerResponse:
        if not self.willing:
            raise Retryable("not in the mood\nfor anything")
        return HandlerResponse.respond(Greeted(f"Hello, {payload.name}!"))


async def letter_of(visitor: Visitor) -> str:
    failed = await visitor.tell("moody", wait=10)
    assert failed.status_code == 422
    (letter,) = (await visitor.http.get(LETTERS)).json()["letters"]
    id: str = letter["id"]
    return id


async def test_a_letter_is_shown_without_what_is_for_the_log() -> None:
    async with running(Moody().listener) as visitor:
        id = await letter_of(visitor)
        shown = (await visitor.http.get(f"{LETTERS}/{id}")).json()
    assert shown["listener"] == "moody"
    assert shown["attempts"] == 1
    assert shown["message_id"] == f"{shown['conversation_id']}.1"
    assert shown["reason"].endswith("Retryable: not in the mood\nfor anything")
    assert "Traceback" not in shown["reason"]
    assert "<name>Ada</name>" in shown["payload"]
    assert shown["at"].endswith("Z")


async def test_a_letter_is_replayed_as_a_new_conversation() -> None:
    moody = Moody()
    async with running(moody.listener) as visitor:
        id = await letter_of(visitor)
        moody.willing = True
        sent = await visitor.http.post(f"{LETTERS}/{id}/replay")
        await visitor.organism.drain()
        thread = (await visitor.http.get(sent.headers["Location"])).json()
        left = (await visitor.http.get(LETTERS)).json()["letters"]
        again = await visitor.http.post(f"{LETTERS}/{id}/replay")
    assert (sent.status_code, again.status_code) == (202, 404)
    assert thread["status"] == "completed"
    assert sent.json() == {"thread": thread["id"], "id": f"{thread['id']}.1"}
    assert left == []


async def test_a_letter_is_dropped() -> None:
    async with running(Moody().listener) as visitor:
        id = await letter_of(visitor)
        dropped = await visitor.http.delete(f"{LETTERS}/{id}")
        again = await visitor.http.delete(f"{LETTERS}/{id}")
        shown = await visitor.http.get(f"{LETTERS}/{id}")
    assert (dropped.status_code, again.status_code, shown.status_code) == (204, 404, 404)


async def test_a_letter_whose_listener_is_gone_stays() -> None:
    async with running(Moody().listener) as visitor:
        id = await letter_of(visitor)
        visitor.organism.unregister("moody")
        refused = await visitor.http.post(f"{LETTERS}/{id}/replay")
        shown = await visitor.http.get(f"{LETTERS}/{id}")
    assert (refused.status_code, shown.status_code) == (409, 200)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_dead_letters_are_for_those_with_the_token(method: str) -> None:
    async with running(Moody().listener) as visitor:
        id = await letter_of(visitor)
        headers = {"Authorization": "Bearer no"}
        refused = await visitor.http.request(method, f"{LETTERS}/{id}", headers=headers)
    assert refused.status_code == 401
