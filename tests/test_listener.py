"""A listener is checked when it is made; metadata tells its handler what the pump knows."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from dataclasses import FrozenInstanceError, dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.flows.payloads import Note, Number, Result, Task
from xml_pipeline.callables import is_async
from xml_pipeline.errors import PayloadDefinitionError
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.message import Addressed, Delivery, Envelope, Wire
from xml_pipeline.payload import RawPayload, xmlify
from xml_pipeline.testing import Probe, memory_organism, respond
from xml_pipeline.thread import Conversation, Thread


async def handle(payload: Any, metadata: HandlerMetadata) -> None: ...


def listener(name: str = "worker", accepts: Any = Task, **options: Any) -> Listener:
    return Listener(name, accepts, handle, **{"description": "Works.", **options})


# ── What a listener may be ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["a", "_", "system.todo", "calculator.add", "a-b_c.9", "a" * 100])
def test_names_hold_letters_digits_underscores_hyphens_and_dots(name: str) -> None:
    assert listener(name).name == name


@pytest.mark.parametrize("name", ["", " ", "9a", ".a", "-a", "a b", "a<b", "ä", "a\n", "a" * 101])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="listener name"):
        listener(name)
    with pytest.raises(ValueError, match="listener name"):
        listener(group=name or "?")


@pytest.mark.parametrize("description", ["", " \n"])
def test_a_listener_without_a_description_is_refused(description: str) -> None:
    with pytest.raises(ValueError, match="worker: a description is mandatory"):
        listener(description=description)


@pytest.mark.parametrize("timeout", [0, -1.0, float("nan")])
def test_a_timeout_is_above_zero(timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout"):
        listener(timeout=timeout)


@pytest.mark.parametrize("most", [0, -1])
def test_a_listener_that_may_never_run_is_refused(most: int) -> None:
    with pytest.raises(ValueError, match="max_concurrent"):
        listener(max_concurrent=most)


def test_a_listener_that_accepts_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no payload at all"):
        listener(accepts=())


def test_a_class_that_is_no_payload_is_refused() -> None:
    with pytest.raises(PayloadDefinitionError):
        listener(accepts=int)


def test_two_payload_classes_of_one_name_are_refused() -> None:
    @xmlify
    @dataclass(frozen=True)
    class Task:
        """Another one."""

        n: int

    with pytest.raises(ValueError, match="two payload classes <Task>"):
        listener(accepts=(Task, type_of_ours()))


def type_of_ours() -> type:
    return Task


def test_several_payload_classes_may_be_given_as_a_list() -> None:
    either = listener(accepts=[Task, Note], output=[Result])
    assert either.accepts == (Task, Note)
    assert either.outputs == (Result,)


def test_peers_given_as_one_string_are_refused() -> None:
    with pytest.raises(TypeError, match="peers"):
        listener(peers="writer")


def test_a_listener_accepts_several_payload_types() -> None:
    many = listener(accepts=(Task, Note, Number))
    assert set(many.codecs) == {"Task", "Note", "Number"}
    assert not many.generic


def test_a_listener_that_takes_raw_payloads_is_generic() -> None:
    raw = listener(accepts=(Task, RawPayload))
    assert raw.generic
    assert set(raw.codecs) == {"Task"}


def test_what_a_listener_answers_with_is_known_by_its_tag() -> None:
    assert listener().outputs == ()
    assert listener(output=Result).outputs == (Result,)
    assert set(listener(output=(Result, Note)).answers) == {"Result", "Note"}


def test_a_listener_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(listener(), "peers", ("*",))  # noqa: B010  # mypy knows better
    with pytest.raises(TypeError):
        listener().codecs["X"] = 1  # type: ignore[index]  # that is the point


def test_a_listener_with_other_peers_is_the_same_in_all_else() -> None:
    first = listener(peers=("a",), timeout=5.0, agent=True)
    second = first.with_peers(["b", "c"])
    assert (first.reach, second.reach) == (frozenset("a"), frozenset("bc"))
    assert (second.name, second.timeout, second.agent) == ("worker", 5.0, True)
    assert first.with_peers(["*"]).reach is None


# ── Handlers ────────────────────────────────────────────────────────────────────────────


async def stream(payload: Any, metadata: HandlerMetadata) -> AsyncIterator[HandlerResponse]:
    yield HandlerResponse(payload)


class Callable:
    async def __call__(self, payload: Any, metadata: HandlerMetadata) -> None: ...
    async def method(self, payload: Any, metadata: HandlerMetadata) -> None: ...


def wrapped() -> Any:
    @functools.wraps(handle)
    async def wrapper(payload: Any, metadata: HandlerMetadata) -> None: ...

    return wrapper


@pytest.mark.parametrize(
    "handler",
    [handle, stream, Callable(), Callable().method, functools.partial(handle), wrapped()],
    ids=["function", "generator", "object", "method", "partial", "wrapped"],
)
def test_whatever_is_asynchronous_can_be_a_handler(handler: Any) -> None:
    assert is_async(handler)
    assert Listener("a", Task, handler, description="A.").handler is handler


@pytest.mark.parametrize(
    "handler", [print, lambda p, m: None, Callable, 7, None, functools.partial(print)]
)
def test_whatever_is_not_is_refused(handler: Any) -> None:
    with pytest.raises(TypeError, match="async def"):
        Listener("a", Task, handler, description="A.")


# ── Responses ───────────────────────────────────────────────────────────────────────────


def test_a_response_says_what_is_to_happen() -> None:
    assert HandlerResponse(Task("x"), to="a").kind == "send"
    assert HandlerResponse.respond(Task("x")).kind == "respond"
    assert HandlerResponse.defer(within=5) == HandlerResponse(None, seconds=5, kind="defer")
    assert HandlerResponse(Task("x"), to="a", key="k").after(2) == HandlerResponse(
        Task("x"), to="a", key="k", seconds=2
    )


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_a_time_that_is_none_is_refused_where_the_handler_says_it(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds"):
        HandlerResponse.defer(within=seconds)
    with pytest.raises(ValueError, match="seconds"):
        HandlerResponse(Task("x")).after(seconds)


# ── Metadata ────────────────────────────────────────────────────────────────────────────


class Nothing:
    """Surroundings that know nothing."""

    def usage_instructions(self, delivery: Any) -> str:
        return ""

    def todo_nudge(self, delivery: Any) -> str:
        return ""

    def deadline(self, delivery: Any) -> datetime | None:
        return None

    def budget(self, delivery: Any) -> Any: ...

    def context(self, delivery: Any) -> Any:
        return ()

    def peers(self, delivery: Any) -> Any:
        return ()

    def prompt(self, delivery: Any) -> str:
        return ""

    def requester(self, delivery: Any) -> str:
        return "t0"

    def notes(self, delivery: Any) -> Any: ...

    def watched(self) -> bool:
        return False

    def tell(self, event: Any) -> None: ...


def metadata(sender: str = "outside", **stamped: Any) -> HandlerMetadata:
    conversation = Conversation(1, "c1", "outside", "acme")
    thread = Thread("t1", conversation, None, "outside", "worker", 1)
    wire = Wire(b"<m/>", "sealed", "send", sender, conversation, thread, 4, **stamped)
    envelope = Envelope(wire, "worker", "t1", "Task", Task("x"))  # type: ignore[arg-type]  # unread
    return HandlerMetadata(
        Delivery(Addressed(envelope, listener(), thread, None), Task("x")), Nothing()
    )


def test_metadata_tells_what_was_stamped() -> None:
    told = metadata(hops=3, attempt=2)
    assert (told.thread_id, told.conversation_id, told.message_id) == ("t1", "c1", "c1.4")
    assert (told.from_id, told.own_name, told.tenant) == ("outside", "worker", "acme")
    assert (told.hops, told.attempt, told.is_self_call) == (3, 2, False)
    assert (told.usage_instructions, told.todo_nudge, told.deadline) == ("", "", None)
    assert told.context == ()
    assert (told.principal, told.requester) == ("outside", "t0")


def test_metadata_cannot_be_changed() -> None:
    told = metadata()
    with pytest.raises(AttributeError):
        told.from_id = "system"  # type: ignore[misc]  # that is the point
    with pytest.raises(AttributeError):
        told.extra = 1  # type: ignore[attr-defined]  # that is the point


def test_a_reply_is_told_by_the_key_or_else_the_id_of_what_it_answers() -> None:
    assert metadata().in_reply_to is None
    assert metadata(in_reply_to=2).in_reply_to == "c1.2"
    assert metadata(in_reply_to="call 1").in_reply_to == "call 1"


def test_a_message_to_oneself_is_a_self_call_and_a_reply_of_oneself_is_none() -> None:
    assert metadata(sender="worker").is_self_call
    assert not metadata(sender="worker", in_reply_to=2).is_self_call


def test_a_state_that_was_never_touched_is_not_written() -> None:
    told = metadata()
    assert told.changed_state() is None
    told.state["n"] = 1
    assert told.changed_state() == {"n": 1}


async def test_state_that_was_nested_is_not_changed_by_a_handler_that_fails() -> None:
    async def remember(number: Number, metadata: HandlerMetadata) -> HandlerResponse:
        seen = metadata.state.setdefault("seen", [])
        seen.append(number.n)
        if number.n < 3:
            return HandlerResponse(Number(number.n + 1), to="rememberer")
        return HandlerResponse.respond(Result(repr(seen)))

    rememberer = Listener("rememberer", Number, remember, description="Remembers numbers.")
    async with memory_organism(rememberer) as organism:
        assert await organism.ask("rememberer", Number(0)) == Result("[0, 1, 2, 3]")


async def test_the_deadline_is_that_of_the_call() -> None:
    deadlines: list[datetime | None] = []

    def note(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        deadlines.append(metadata.deadline)
        return respond(Result(""))

    clock = Probe("clock", Task, note, timeout=60.0)
    async with memory_organism(clock) as organism:
        await organism.ask("clock", Task("x"))
        assert clock.seen[0].metadata.deadline is None
    (deadline,) = deadlines
    assert deadline is not None
    assert 0 < (deadline - datetime.now(UTC)).total_seconds() <= 60


async def test_a_call_that_may_take_for_ever_has_no_deadline() -> None:
    deadlines: list[datetime | None] = []

    def note(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        deadlines.append(metadata.deadline)
        return respond(Result(""))

    async with memory_organism(Probe("clock", Task, note, timeout=float("inf"))) as organism:
        await organism.ask("clock", Task("x"))
    assert deadlines == [None]
