"""Requests for a person whose token comes with them: it holds for their conversation, no longer."""

from __future__ import annotations

from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from tests.mcp.exchanging import token_of
from tests.server.house import HELLO, Greeted, Greeting, running
from tests.server.test_websocket import talking
from xml_pipeline.backends.sqlite import SqliteBackend
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.subject import Subject

XML_TYPE = "application/xml"
ADA, BOB = token_of("ada"), token_of("bob")


class Clerk:
    """A listener that notes for whom it is asked, and keeps the conversation open."""

    def __init__(self) -> None:
        self.persons: list[Subject | None] = []
        self.listener = Listener("clerk", Greeting, self.handle, description="Notes.")

    async def handle(self, payload: Greeting, metadata: HandlerMetadata) -> HandlerResponse:
        self.persons.append(metadata.subject)
        if payload.name == "later":
            return HandlerResponse.defer(within=600)
        return HandlerResponse.respond(Greeted("Noted."))

    @property
    def tokens(self) -> list[str]:
        return [each.token if each is not None else "" for each in self.persons]


async def test_a_handler_knows_for_whom_it_is_asked() -> None:
    clerk = Clerk()
    async with running(clerk.listener) as visitor:
        await visitor.tell("clerk", wait=10, Subject_Token=ADA)
        await visitor.tell("clerk", wait=10)
    assert clerk.tokens == [ADA, ""]


@pytest.mark.parametrize(
    ("second", "same"),
    [(token_of("ada", 2), True), (BOB, False), ("", False)],
    ids=["a newer token", "somebody else", "nobody"],
)
async def test_only_the_same_person_goes_on_with_a_conversation(second: str, same: bool) -> None:
    clerk = Clerk()
    later = HELLO.replace("Ada", "later").encode()
    query = {"to": "clerk"}
    headers = {"Content-Type": XML_TYPE}
    async with running(clerk.listener) as visitor:
        first = await visitor.http.post(
            "/v1/messages", params=query, content=later, headers={**headers, "Subject-Token": ADA}
        )
        thread = first.json()["thread"]
        more = {"Subject-Token": second} if second else {}
        went_on = await visitor.http.post(
            "/v1/messages",
            params={**query, "thread": thread},
            content=later,
            headers={**headers, **more},
        )
        await visitor.organism.drain()
        assert (went_on.json()["thread"] == thread) is same
    assert clerk.tokens == [ADA, second]


@pytest.mark.parametrize(
    "given", [[ADA, BOB], ["two words"], [""]], ids=["two", "two words", "nothing"]
)
async def test_what_is_no_token_is_refused_and_not_repeated(given: list[str]) -> None:
    async with running(Clerk().listener) as visitor:
        response = await visitor.http.post(
            "/v1/messages",
            json={"to": "clerk", "payload": {"name": "Ada"}},
            headers=[("Subject-Token", each) for each in given],
        )
    assert response.status_code == 400
    assert not any(each and each in response.text for each in given)


async def test_the_same_request_for_another_person_is_another_request() -> None:
    async with running(Clerk().listener) as visitor:
        key = {"Idempotency_Key": "one"}
        assert (await visitor.tell("clerk", wait=10, Subject_Token=ADA, **key)).status_code == 200
        assert (await visitor.tell("clerk", wait=10, Subject_Token=BOB, **key)).status_code == 422


async def test_a_socket_is_one_persons() -> None:
    clerk = Clerk()
    async with running(clerk.listener) as visitor:
        async with talking(visitor, **{"Subject-Token": ADA}) as talk:
            for name in ("Ada", "again"):
                await talk.say("inject", name, to="clerk", payload={"name": name})
                await talk.hear_until("answer")
        async with talking(visitor) as talk:
            await talk.say("inject", to="clerk", payload={"name": "Ada"})
            await talk.hear_until("answer")
    assert clerk.tokens == [ADA, ADA, ""]


@pytest.mark.parametrize(
    ("second", "same"),
    [(token_of("ada", 2), True), (BOB, False), ("", False)],
    ids=["a newer token", "somebody else", "nobody"],
)
async def test_only_the_same_person_goes_on_over_a_socket(second: str, same: bool) -> None:
    clerk = Clerk()
    async with running(clerk.listener) as visitor:
        async with talking(visitor, **{"Subject-Token": ADA}) as talk:
            await talk.say("inject", to="clerk", payload={"name": "later"})
            thread = (await talk.hear_until("accepted"))["thread"]
        more = {"Subject-Token": second} if second else {}
        async with talking(visitor, **more) as talk:
            await talk.say("inject", to="clerk", payload={"name": "later"}, thread=thread)
            assert ((await talk.hear_until("accepted"))["thread"] == thread) is same
        await visitor.organism.drain()
    assert clerk.tokens == [ADA, second]


async def test_a_handshake_for_nobody_that_can_be_is_refused() -> None:
    async with running(Clerk().listener) as visitor:
        with pytest.raises(InvalidStatus) as refusal:
            async with talking(visitor, **{"Subject-Token": "two words"}):
                pass
    assert refusal.value.response.status_code == 400
    assert b"two words" not in (refusal.value.response.body or b"")


def stored(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.iterdir())


async def test_a_token_is_not_written_down_and_gone_after_a_restart(tmp_path: Path) -> None:
    clerk, file = Clerk(), tmp_path / "journal.sqlite"
    async with Organism([clerk.listener], backend=SqliteBackend(file)) as organism:
        thread = await organism.send("clerk", Greeting("later"), subject_token=ADA)
        await organism.drain()
    written = stored(tmp_path)
    assert b"later" in written
    assert ADA.encode() not in written
    assert b"canary" not in written
    async with Organism([clerk.listener], backend=SqliteBackend(file)) as organism:
        assert organism.kernel.threads.get(thread).conversation.subject is None
