"""Buffers: many items at once, results in their order, and nothing is left afterwards."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.primitives.parts import (
    Count,
    Go,
    Word,
    adder,
    asker,
    assert_nothing_is_left,
    heard,
    words,
    xml,
)
from tests.virtual_clock import VirtualClockLoop
from xml_pipeline.errors import NoReply, Undeliverable
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.payload import RawPayload
from xml_pipeline.primitives import (
    BufferComplete,
    BufferDispatched,
    BufferError,
    BufferStart,
    SequenceRequest,
)
from xml_pipeline.primitives.buffer import MOST_ITEMS
from xml_pipeline.testing import Probe, memory_organism, respond


def results(complete: BufferComplete) -> list[tuple[str | None, str]]:
    """Return what each item came to: ``true`` or ``false``, and the words in it."""
    root = etree.fromstring(complete.results)
    assert root.tag == "results"
    assert [item.get("index") for item in root] == [str(at) for at in range(len(root))]
    return [(item.get("success"), "".join(map(str, item.itertext()))) for item in root]


class Crowd:
    """A worker that counts how many of its calls run at once.

    A word is the seconds that it takes; ``!`` fails and ``?`` gets no answer.
    """

    def __init__(self) -> None:
        self.running = self.most = 0
        self.probe = Probe("worker", Word, self._work)

    async def _work(self, word: Word, metadata: HandlerMetadata) -> HandlerResponse | None:
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(float(word.text.strip("!?")))
        self.running -= 1
        if word.text.endswith("!"):
            raise RuntimeError("the details that nobody is told")
        return respond(word) if not word.text.endswith("?") else None


async def run(start: BufferStart, crowd: Crowd) -> tuple[BufferComplete, float]:
    async with memory_organism(crowd.probe) as organism:
        complete = await organism.ask("system.buffer", start)
        took = asyncio.get_running_loop().time()
        await assert_nothing_is_left(organism)
    return complete, took


@settings(max_examples=40)
@given(
    items=st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(("", "", "", "!", "?"))),
        min_size=1,
        max_size=30,
    ),
    concurrency=st.integers(1, 12),
)
def test_results_stand_in_the_order_of_the_items_and_the_cap_holds(
    items: list[tuple[int, str]], concurrency: int
) -> None:
    texts = [f"{seconds}{fate}" for seconds, fate in items]
    start = BufferStart("worker", words(*texts), concurrency=concurrency)
    crowd = Crowd()
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        complete, _ = runner.run(run(start, crowd))
    assert (complete.total, complete.successful) == (
        len(items),
        sum(not fate for _, fate in items),
    )
    for text, (success, said) in zip(texts, results(complete), strict=True):
        assert (success, said) == ("true", text) if text.isdigit() else success == "false"
        assert "details" not in said
    assert crowd.most <= concurrency


@pytest.mark.virtual_clock
async def test_items_run_side_by_side_up_to_ten_unless_it_is_said_otherwise() -> None:
    crowd = Crowd()
    complete, took = await run(BufferStart("worker", words(*["1"] * 20)), crowd)
    assert complete.successful == 20
    assert (crowd.most, took) == (10, 2.0)


async def test_items_stand_one_after_another_with_blanks_and_comments_between() -> None:
    items = f"\n {words('a')}{words('b')}\r\n\t<!-- and -->\n\n<Word>\n<text>c</text></Word>"
    async with memory_organism(adder("x")) as organism:
        complete = await organism.ask("system.buffer", BufferStart("x", items, buffer_id="mine"))
        await assert_nothing_is_left(organism)
    said = [("true", each) for each in ("ax", "bx", "cx")]
    assert (complete.buffer_id, results(complete)) == ("mine", said)


async def test_results_hold_the_answers_as_they_are() -> None:
    odd = b'<Odd b="2"><x xmlns="urn:x">1 &lt; 2&#xD;</x></Odd>'
    async with memory_organism(Probe("odd", Word, lambda *_: respond(odd))) as organism:
        complete = await organism.ask("system.buffer", BufferStart("odd", words("x")))
    [item] = etree.fromstring(complete.results)
    assert etree.tostring(item[0], method="c14n", exclusive=True) == odd


async def test_many_items_are_not_deep_and_each_is_sent_once() -> None:
    numbers = [Count(at) for at in range(400)]
    worker = Probe("worker", Count, lambda count, _: respond(count))
    async with memory_organism(worker, budget={"hops": 5}) as organism:
        start = BufferStart("worker", xml(*numbers), concurrency=3)
        complete = await organism.ask("system.buffer", start)
        await assert_nothing_is_left(organism)
    assert complete.successful == 400
    assert worker.payloads == numbers
    assert [int(said) for _, said in results(complete)] == list(range(400))


@pytest.mark.parametrize(
    ("start", "about"),
    [
        (BufferStart("nobody", words("x")), "'nobody' cannot be addressed"),
        (BufferStart("system.buffer", words("x")), "'system.buffer' cannot be addressed"),
        (BufferStart("a", words("x"), return_to="nobody"), "'nobody' cannot be addressed"),
        (BufferStart("a", " \n"), "from 1 to 5000 items are wanted, not 0"),
        (BufferStart("a", words("x") * (MOST_ITEMS + 1)), "wanted, not 5001"),
        (BufferStart("a", words("x") + "and" + words("y")), "text outside of the elements: 'and'"),
        (BufferStart("a", words("x") + "\n<Word>"), "not well-formed"),
        (BufferStart("a", "<!DOCTYPE a []>" + words("x")), "not well-formed"),
        (BufferStart("a", words("x"), collect=False, timeout=1), "for a buffer that collects"),
        (BufferStart("a", words("x"), collect=False, return_to="a"), "for a buffer that collects"),
        (BufferStart("n" * 500, words("x")), "n" * 150),
    ],
)
async def test_a_buffer_that_cannot_begin_says_why(start: BufferStart, about: str) -> None:
    worker = adder("a")
    async with memory_organism(worker) as organism:
        error = await organism.ask("system.buffer", start)
        await assert_nothing_is_left(organism)
    assert isinstance(error, BufferError)
    assert about in error.error
    assert len(error.error) <= 200
    assert not worker.seen


async def test_whoever_sends_a_buffer_something_else_is_told_what_it_begins_with() -> None:
    async with memory_organism() as organism:
        error = await organism.ask("system.buffer", Word("x"))
    assert error == BufferError("", "it begins with <BufferStart>")


@pytest.mark.parametrize(
    ("field", "value"), [("concurrency", 0), ("concurrency", 1001), ("timeout", 0), ("timeout", -1)]
)
async def test_what_no_buffer_could_mean_is_refused_by_its_schema(field: str, value: int) -> None:
    text = f"<BufferStart><target>a</target><items/><{field}>{value}</{field}></BufferStart>"
    buffer = "system.buffer"
    agent = Probe("agent", Go, lambda *_: HandlerResponse(text.encode(), buffer), peers=(buffer,))
    async with memory_organism(adder("a"), agent) as organism:
        with pytest.raises(Undeliverable) as refused:
            await organism.ask("agent", Go())
        await assert_nothing_is_left(organism)
    assert refused.value.code == "validation"


@pytest.mark.virtual_clock
async def test_items_that_are_late_count_as_failed_and_are_stopped() -> None:
    crowd = Crowd()
    items = words("1", "20", "2", "20", "1")
    complete, took = await run(BufferStart("worker", items, concurrency=2, timeout=3), crowd)
    assert took == 3.0
    assert (complete.total, complete.successful) == (5, 1)
    assert results(complete) == [
        ("true", "1"),
        *[("false", "no answer in time")] * 4,
    ]
    assert crowd.most == 2


@pytest.mark.virtual_clock
async def test_a_buffer_that_is_done_does_not_wait_for_its_time_to_be_up() -> None:
    complete, took = await run(BufferStart("worker", words("1", "2"), timeout=60), Crowd())
    assert (complete.successful, took) == (2, 2.0)


@pytest.mark.virtual_clock
async def test_answers_after_the_time_is_up_change_nothing() -> None:
    async def file(complete: BufferComplete, metadata: HandlerMetadata) -> HandlerResponse:
        await asyncio.sleep(20)
        return respond(Word("filed"))

    sink = Probe("sink", BufferComplete, file)
    start = BufferStart("worker", words("1", "5", "6"), timeout=3, return_to="sink")
    async with memory_organism(Crowd().probe, sink) as organism:
        answer = await organism.ask("system.buffer", start)
        await assert_nothing_is_left(organism)
    assert [success for success, _ in results(sink.payloads[0])] == ["true", "false", "false"]
    assert answer == RawPayload("Word", words("filed").encode())


@pytest.mark.virtual_clock
async def test_a_time_that_is_up_while_the_results_are_filed_changes_nothing() -> None:
    async def file(complete: BufferComplete, metadata: HandlerMetadata) -> HandlerResponse:
        await asyncio.sleep(20)
        return respond(Word("filed"))

    sink = Probe("sink", BufferComplete, file)
    start = BufferStart("worker", words("1", "2"), timeout=3, return_to="sink")
    async with memory_organism(Crowd().probe, sink) as organism:
        answer = await organism.ask("system.buffer", start)
        assert asyncio.get_running_loop().time() == 22
        await assert_nothing_is_left(organism)
    assert [success for success, _ in results(sink.payloads[0])] == ["true", "true"]
    assert answer == RawPayload("Word", words("filed").encode())


async def test_results_go_to_return_to_and_its_answer_to_whoever_asked() -> None:
    sink = Probe("sink", BufferComplete, lambda *_: respond(Word("filed")))
    start = BufferStart("a", words("x", "y"), return_to="sink", buffer_id="id")
    agent = asker("system.buffer", start)
    async with memory_organism(agent, adder("a"), sink) as organism:
        answer = await heard(agent, organism)
        await assert_nothing_is_left(organism)
    assert results(sink.payloads[0]) == [("true", "xa"), ("true", "ya")]
    assert answer == RawPayload("Word", words("filed").encode())


async def test_a_return_to_that_says_nothing_ends_the_buffer_quietly() -> None:
    sink = Probe("sink", BufferComplete)
    async with memory_organism(adder("a"), sink) as organism:
        with pytest.raises(NoReply):
            await organism.ask("system.buffer", BufferStart("a", words("x"), return_to="sink"))
        await assert_nothing_is_left(organism)
    assert len(sink.seen) == 1


async def test_a_return_to_that_does_not_take_the_results_is_an_error() -> None:
    start = BufferStart("a", words("x"), return_to="a", buffer_id="id")
    async with memory_organism(adder("a")) as organism:
        error = await organism.ask("system.buffer", start)
        await assert_nothing_is_left(organism)
    assert error.buffer_id == "id"
    assert "could not be delivered" in error.error


async def test_results_that_no_message_could_hold_are_an_error() -> None:
    large = respond(f"<L>{'x' * 900_000}</L>".encode())
    async with memory_organism(Probe("large", Word, lambda *_: large)) as organism:
        error = await organism.ask("system.buffer", BufferStart("large", words(*"123456789")))
        await assert_nothing_is_left(organism)
    assert "more than 8000000" in error.error


async def test_without_collecting_the_answer_comes_at_once_and_every_item_is_handled() -> None:
    released = asyncio.Event()

    async def wait(word: Word, metadata: HandlerMetadata) -> HandlerResponse:
        await released.wait()
        return respond(word)

    worker = Probe("worker", Word, wait)
    start = BufferStart(
        "worker", words("x", "y", "z"), collect=False, buffer_id="id", concurrency=1
    )
    async with memory_organism(worker) as organism:
        assert await organism.ask("system.buffer", start) == BufferDispatched("id", 3)
        await worker.next()
        assert len(worker.seen) == 1
        released.set()
        await assert_nothing_is_left(organism)
    assert worker.payloads == [Word("x"), Word("y"), Word("z")]


@pytest.mark.parametrize("fate", ["!", "?"])
async def test_without_collecting_nobody_hears_of_failures(fate: str) -> None:
    crowd = Crowd()
    start = BufferStart("worker", words(f"0{fate}", "0"), collect=False)
    agent = asker("system.buffer", start)
    async with memory_organism(agent, crowd.probe) as organism:
        await heard(agent, organism)
        await assert_nothing_is_left(organism)
    assert [type(each) for each in agent.payloads] == [Go, BufferDispatched]


async def test_dispatched_items_end_with_the_thread_of_whoever_asked() -> None:
    worker = Probe("worker", Word, lambda *_: HandlerResponse.defer(60))
    agent = asker("system.buffer", BufferStart("worker", words("x"), collect=False))
    async with memory_organism(agent, worker) as organism:
        await heard(agent, organism)
        await assert_nothing_is_left(organism)


async def test_a_killed_buffer_takes_its_items_with_it() -> None:
    worker = Probe("worker", Word, lambda *_: HandlerResponse.defer(60))
    async with memory_organism(worker) as organism:
        start = BufferStart("worker", words(*"12345"), timeout=30)
        thread = await organism.send("system.buffer", start)
        for _ in range(5):
            await worker.next()
        organism.kill(thread)
        await assert_nothing_is_left(organism)


async def test_buffers_side_by_side_do_not_mix() -> None:
    shuffled = Random(7)
    async with memory_organism(adder("a"), adder("b")) as organism:
        targets = [shuffled.choice("ab") for _ in range(20)]
        asked = [
            organism.ask("system.buffer", BufferStart(target, words(f"{at}", f"-{at}")))
            for at, target in enumerate(targets)
        ]
        done = await asyncio.gather(*asked)
        await assert_nothing_is_left(organism)
    assert [results(each) for each in done] == [
        [("true", f"{at}{target}"), ("true", f"-{at}{target}")] for at, target in enumerate(targets)
    ]


async def test_an_item_that_is_a_sequence_fails_as_that_does() -> None:
    items = xml(SequenceRequest("a", words("x")), SequenceRequest("nobody", words("x")))
    agent = asker("system.buffer", BufferStart("system.sequence.factory", items))
    async with memory_organism(agent, adder("a")) as organism:
        complete = await heard(agent, organism)
        await assert_nothing_is_left(organism)
    (first, _), (second, why) = results(complete)
    assert (first, second) == ("true", "false")
    assert why == "'nobody' cannot be addressed: check whom you may address"
