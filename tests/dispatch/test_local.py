"""Running handlers: each delivery is settled exactly once, whatever its handler does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.flows.payloads import Number, Result, Task
from tests.virtual_clock import VirtualClockLoop
from xml_pipeline.dispatch.relay import current_delivery
from xml_pipeline.errors import HandlerFailed, NoReply, Timeout, Unanswered, Undeliverable
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.testing import Probe, memory_organism, respond

pytestmark = pytest.mark.virtual_clock


def works(organism: Organism) -> tuple[int, int, int]:
    """Return what is open, runs and waits: nothing, once all is settled."""
    kernel = organism.kernel
    return len(kernel.threads), kernel.scheduler.running, kernel.scheduler.waiting


def saying(answer: Any) -> Probe:
    return Probe("worker", Task, lambda *_: answer)


# ── What a handler may return ───────────────────────────────────────────────────────────


async def test_a_handler_may_answer_with_several_responses() -> None:
    def count(number: Number, metadata: HandlerMetadata) -> Any:
        total = metadata.state["total"] = metadata.state.get("total", 0) + number.n
        if number.n:
            return [HandlerResponse(Number(0), to="counter") for _ in range(number.n)]
        calls = metadata.state["calls"] = metadata.state.get("calls", 0) + 1
        return respond(Result(f"{total} {calls}")) if calls == 3 else ()

    async with memory_organism(Probe("counter", Number, count)) as organism:
        assert await organism.ask("counter", Number(3)) == Result("3 3")


async def test_a_handler_may_be_an_asynchronous_generator() -> None:
    async def stream(task: Task, metadata: HandlerMetadata) -> AsyncIterator[HandlerResponse]:
        yield HandlerResponse(Result("a note on the way"), to="log")
        yield HandlerResponse.respond(Result("done"))

    log = Probe("log", Result)
    streamer = Listener("streamer", Task, stream, description="Streams.", peers=("log",))
    async with memory_organism(streamer, log) as organism:
        assert await organism.ask("streamer", Task("x")) == Result("done")
        await organism.drain()
    assert log.payloads == []  # Its answer ended the thread, and what it asked for below.


async def test_a_handler_may_answer_with_an_iterator() -> None:
    def lazily() -> Iterator[HandlerResponse]:
        yield respond(Result("lazy"))

    async with memory_organism(saying(lazily())) as organism:
        assert await organism.ask("worker", Task("x")) == Result("lazy")


async def test_text_of_a_handler_is_read_as_messages() -> None:
    async with memory_organism(
        Probe("worker", (Task, Number), lambda payload, _: said(payload))
    ) as organism:
        assert await organism.ask("worker", Task("x")) == Result("7")


def said(payload: Any) -> Any:
    if isinstance(payload, Task):
        return HandlerResponse(b"I think:\n<Number><n>7</n></Number>", to="worker")
    return respond(Result(str(payload.n)))


@pytest.mark.parametrize(
    "answer",
    ["text", 7, Task("x"), [Task("x")], {"a": 1}, [None], object(), bytearray(b"<a/>")],
    ids=lambda each: type(each).__name__,
)
async def test_whatever_else_a_handler_returns_is_its_failure(answer: Any) -> None:
    async with memory_organism(saying(answer)) as organism:
        with pytest.raises(HandlerFailed):
            await organism.ask("worker", Task("x"), timeout=1)
        assert works(organism) == (0, 0, 0)


STRANGE = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.just(Task),
    st.builds(Task, st.text(max_size=5)),
    st.builds(Task, st.integers()),
    st.builds(object),
)


@given(
    st.lists(
        st.builds(
            HandlerResponse,
            STRANGE,
            to=st.one_of(STRANGE, st.just("worker")),
            key=STRANGE,
            seconds=st.one_of(st.just(0.0), STRANGE),
            kind=st.sampled_from(["send", "respond", "defer"]),
        ),
        max_size=3,
    )
)
def test_whatever_stands_in_its_responses_everything_is_settled(
    responses: list[HandlerResponse],
) -> None:
    said_once = iter([responses])

    async def ask() -> None:
        talker = Probe("worker", Task, lambda *_: next(said_once, respond(Result(""))))
        async with memory_organism(talker) as organism:
            patient = any(each.seconds for each in responses)
            code = await outcome(organism, timeout=10_000)
            assert patient or code != "nobody answered"
            await organism.drain()
            assert works(organism) == (0, 0, 0)

    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        runner.run(asyncio.wait_for(ask(), 20_000))


async def outcome(organism: Organism, timeout: float) -> str:
    try:
        await organism.ask("worker", Task("x"), timeout=timeout)
    except Timeout as error:
        return str(error.code) if error.id else "nobody answered"
    except Unanswered as error:
        return error.code or "no reply"
    return "answered"


async def test_what_is_said_after_the_answer_is_dropped_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    late = Probe("late", Task)
    answer = [respond(Result("first")), HandlerResponse(Task("too late"), to="late")]
    talker = Probe("worker", Task, lambda *_: answer, peers=("late",))
    async with memory_organism(talker, late) as organism:
        assert await organism.ask("worker", Task("x")) == Result("first")
        await organism.drain()
    assert late.payloads == []
    assert "worker said something after its answer" in caplog.text


async def test_an_addressee_that_is_no_name_is_one_that_is_not_there() -> None:
    async with memory_organism(
        saying(HandlerResponse(Task("x"), to=5))  # type: ignore[arg-type]  # that is the point
    ) as organism:
        with pytest.raises(Undeliverable) as caught:
            await organism.ask("worker", Task("x"), timeout=1)
    assert caught.value.code == "routing"


# ── What a handler may do ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, StopAsyncIteration, Unanswered])
async def test_a_handler_that_raises_fails_with_its_traceback_in_the_log_only(
    error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*_: object) -> None:
        raise error("the secret is 42")

    async with memory_organism(Probe("worker", Task, crash)) as organism:
        with pytest.raises(HandlerFailed) as caught:
            await organism.ask("worker", Task("x"), timeout=1)
        assert works(organism) == (0, 0, 0)
    assert "42" not in str(caught.value)
    assert "the secret is 42" in caplog.text
    assert caught.value.id in caplog.text


async def test_a_handler_that_cancels_itself_has_failed() -> None:
    async def give_up(task: Task, metadata: HandlerMetadata) -> None:
        raise asyncio.CancelledError

    quitter = Listener("quitter", Task, give_up, description="Gives up.")
    async with memory_organism(quitter) as organism:
        with pytest.raises(HandlerFailed):
            await organism.ask("quitter", Task("x"), timeout=1)
        assert works(organism) == (0, 0, 0)


async def test_what_a_handler_answers_after_its_time_is_up_is_dropped() -> None:
    async def stubborn(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return respond(Result("too late"))

    listener = Listener("stubborn", Task, stubborn, description="Ends late.", timeout=1.0)
    async with memory_organism(listener) as organism:
        with pytest.raises(Timeout) as caught:
            await organism.ask("stubborn", Task("x"))
        assert caught.value.id
        await organism.drain()
        assert works(organism) == (0, 0, 0)


async def test_twenty_stuck_handlers_do_not_stop_the_organism() -> None:
    async def stuck(task: Task, metadata: HandlerMetadata) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()  # Until the organism stops it.

    mud = Listener("mud", Task, stuck, description="Is stuck.", timeout=2.0)
    quick = Probe("quick", Task, lambda *_: respond(Result("here")))
    async with memory_organism(mud, quick, max_concurrent_handlers=20) as organism:
        for _ in range(20):
            await organism.send("mud", Task("x"))
        assert await organism.ask("quick", Task("x"), timeout=3) == Result("here")


async def test_the_delivery_that_is_handled_is_known_wherever_it_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[str] = []

    def look(*_: object) -> HandlerResponse:
        delivery = current_delivery.get()
        assert delivery is not None
        seen.append(f"{delivery.listener.name} {delivery.thread.id}")
        return respond(Result(""))

    worker = Probe("worker", Task, look)
    async with memory_organism(worker) as organism:
        for _ in range(3):
            await organism.ask("worker", Task("x"))
    assert seen == [f"worker {each.metadata.thread_id}" for each in worker.seen]
    assert current_delivery.get() is None


async def test_leaving_the_organism_cancels_what_still_runs() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def forever(task: Task, metadata: HandlerMetadata) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    listener = Listener("forever", Task, forever, description="Never ends.")
    async with memory_organism(listener) as organism:
        await organism.send("forever", Task("x"))
        await began.wait()
    assert ended.is_set()


async def test_nobody_hears_of_silence_who_does_not_ask(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with memory_organism(Probe("worker", Task)) as organism:
        with pytest.raises(NoReply):
            await organism.ask("worker", Task("x"))
    assert caplog.text == ""
