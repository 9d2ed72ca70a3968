"""R17: a recorded history is decided again, byte by byte; a changed handler is found out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dispatch.crafts import Made, Order, echo, relay
from tests.faults.dying import Dying
from tests.faults.test_crash_points import Town, _live
from tests.flows.payloads import Note, Result, Task
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.cli.story import past_of
from xml_pipeline.config import ListenerConfig
from xml_pipeline.errors import Retryable
from xml_pipeline.listener import Handler, HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.replay import Replay, replay
from xml_pipeline.testing import respond


async def again(backend: MemoryBackend, listeners: Iterable[Listener]) -> Replay:
    """Run the only conversation of a backend again, with these listeners."""
    (summary,) = await backend.conversations(10)
    past = await backend.conversation(summary.id)
    assert past is not None
    sandbox = Organism(listeners, backend=MemoryBackend())
    return await replay(sandbox.kernel, past)


HISTORIES = {
    file.stem: json.loads(file.read_text(encoding="utf-8"))
    for file in sorted((Path(__file__).parent.parent / "histories").glob("*.json"))
}


@pytest.mark.parametrize("history", HISTORIES)
async def test_a_history_that_an_earlier_version_wrote_is_decided_the_same(history: str) -> None:
    past = past_of(HISTORIES[history])
    sandbox = Organism(Town().listeners(), backend=MemoryBackend())
    result = await replay(sandbox.kernel, past)
    assert [each for each in result.steps if not each.same] == []
    assert len(result.steps) > 15


async def test_handlers_in_worker_processes_are_run_again_there() -> None:
    words: dict[str, Any] = {"description": "Works elsewhere.", "cpu_bound": True}

    def listeners() -> list[Listener]:
        return [
            Listener("relay", (Order, Made), relay, peers=("helper",), **words),
            Listener("helper", Order, echo, **words),
        ]

    backend = MemoryBackend()
    async with Organism(listeners(), backend=backend) as organism:
        await organism.ask("relay", Order("x"))
    result = await again(backend, listeners())
    assert [(each.listener, each.same) for each in result.steps] == [
        ("relay", True),
        ("helper", True),
        ("relay", True),
    ]


@pytest.mark.virtual_clock
async def test_a_history_that_uses_all_there_is_is_decided_the_same() -> None:
    backend = MemoryBackend()
    await _live(Town(), Dying(backend), begin=True)
    result = await again(backend, Town().listeners())
    assert [each for each in result.steps if not each.same] == []
    assert len(result.steps) > 15


@pytest.mark.virtual_clock
async def test_a_history_with_crashes_is_decided_the_same() -> None:
    backend = MemoryBackend()
    for at in (7, 9, 11):
        await _live(Town(), Dying(backend, at, written=True), begin=at == 7)
    await _live(Town(), Dying(backend), begin=False)
    result = await again(backend, Town().listeners())
    assert [each for each in result.steps if not each.same] == []
    assert len(result.steps) > 15


async def remember(payload: Task | Result, metadata: HandlerMetadata) -> HandlerResponse:
    """Count questions; the third has an answer."""
    if isinstance(payload, Result):
        metadata.state["heard"] = payload.text
        return respond(Result(f"{payload.text}, at last"))
    metadata.state["asked"] = metadata.state.get("asked", 0) + 1
    return HandlerResponse(payload, to="helper")


async def help_out(payload: Task, metadata: HandlerMetadata) -> HandlerResponse:
    return respond(Result(payload.text.upper()))


async def help_otherwise(payload: Task, metadata: HandlerMetadata) -> HandlerResponse:
    return respond(Result(payload.text.lower()))


async def forget(payload: Task | Result, metadata: HandlerMetadata) -> HandlerResponse:
    return await remember(payload, metadata) if isinstance(payload, Task) else respond(payload)


async def send_elsewhere(payload: Task | Result, metadata: HandlerMetadata) -> HandlerResponse:
    response = await remember(payload, metadata)
    return response._replace(to="other") if response.to else response


async def fail(payload: Task | Result, metadata: HandlerMetadata) -> HandlerResponse:
    raise KeyError(payload)


def office(asks: Handler = remember, helps: Handler = help_out) -> list[Listener]:
    return [
        Listener("asker", (Task, Result), asks, description="Asks.", peers=("*",)),
        Listener("helper", Task, helps, description="Helps."),
        Listener("other", Task, help_out, description="Helps."),
    ]


async def recorded() -> MemoryBackend:
    backend = MemoryBackend()
    async with Organism(office(), backend=backend) as organism:
        assert await organism.ask("asker", Task("Tea")) == Result("TEA, at last")
    return backend


async def test_what_has_not_changed_is_the_same_to_the_byte() -> None:
    result = await again(await recorded(), office())
    assert result.same
    assert [each.listener for each in result.steps] == ["asker", "helper", "asker"]
    assert all(each.then for each in result.steps)


@pytest.mark.parametrize(
    ("changed", "listener", "words"),
    [
        (office(helps=help_otherwise), "helper", ["answers"]),
        (office(asks=send_elsewhere), "asker", ["remembers", "sends to other"]),
        (office(asks=forget), "asker", ["answers"]),
        (office(helps=fail), "helper", ["fails: handler"]),
    ],
    ids=["another payload", "another addressee", "another state", "an error"],
)
async def test_a_changed_handler_is_found_out(
    changed: list[Listener], listener: str, words: list[str]
) -> None:
    result = await again(await recorded(), changed)
    assert not result.same
    different = [each for each in result.steps if not each.same]
    assert [each.listener for each in different] == [listener]
    assert [each.words for each in different[0].now] == words


async def test_one_change_is_one_difference_and_not_those_that_would_follow() -> None:
    result = await again(await recorded(), office(helps=help_otherwise))
    assert [each.same for each in result.steps] == [True, False, True]


async def test_what_acts_outside_is_not_done_again() -> None:
    done: list[str] = []

    async def act(payload: Task, metadata: HandlerMetadata) -> HandlerResponse:
        done.append(payload.text)
        return await help_out(payload, metadata)

    asker, _, other = office()
    helper = Listener("helper", Task, act, description="Acts.", acts_outside=True)
    backend = MemoryBackend()
    async with Organism([asker, helper, other], backend=backend) as organism:
        await organism.ask("asker", Task("Tea"))
    result = await again(backend, [asker, helper, other])
    assert ([each.listener for each in result.steps], result.skipped) == (["asker", "asker"], 1)
    assert result.same
    assert done == ["Tea"]


@pytest.mark.parametrize(
    ("says", "acts"),
    [
        ("acts_outside: true", True),
        ("sandbox: true", False),
        ("sandbox: {network: true}", True),
        ("sandbox: {workspace: write}", True),
    ],
)
def test_a_file_says_who_acts_outside(says: str, acts: bool) -> None:
    listener = {
        "name": "a",
        "description": "Acts.",
        "handler": "handlers.a:act",
        **yaml.safe_load(says),
    }
    config = ListenerConfig.model_validate(listener)
    assert config.reaches_outside == acts


async def test_a_listener_that_is_gone_or_reads_other_things_fails_closed() -> None:
    gone = await again(await recorded(), office()[:1])
    other = Listener("helper", Note, help_out, description="Helps.")
    misread = await again(await recorded(), [office()[0], other])
    for result in (gone, misread):
        (different,) = [each for each in result.steps if not each.same]
        assert different.listener == "helper"
        assert different.hindrance


async def try_again(payload: Task, metadata: HandlerMetadata) -> HandlerResponse:
    if metadata.attempt < 3:
        raise Retryable("not yet")
    return respond(Result(f"attempt {metadata.attempt}"))


async def never(payload: Task, metadata: HandlerMetadata) -> HandlerResponse:
    raise Retryable("never")


async def say_nonsense(payload: Task, metadata: HandlerMetadata) -> Any:
    return b"no payload at all"


async def say_what_cannot_be_sent(payload: Task, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse(Result("\x00"), to="other")


async def wait_for_ever(payload: Task, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.defer(within=10.0)


@pytest.mark.virtual_clock
@pytest.mark.parametrize(
    "handler", [try_again, never, say_nonsense, say_what_cannot_be_sent, wait_for_ever, fail]
)
async def test_whatever_becomes_of_a_message_is_the_same_again(handler: Handler) -> None:
    def listeners() -> list[Listener]:
        odd = Listener("odd", Task, handler, description="Is odd.", peers=("*",))
        return [odd, *office()]

    backend = MemoryBackend()
    async with Organism(listeners(), backend=backend) as organism:
        await organism.send("odd", Task("x"))
        await organism.drain()
    result = await again(backend, listeners())
    assert result.steps
    assert [each for each in result.steps if not each.same] == []
