"""An agent to be spoken to: it does what the first word of a message says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from a2a.helpers.proto_helpers import (
    new_data_part,
    new_raw_part,
    new_text_message,
    new_text_part,
    new_url_part,
)
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.tasks import TaskUpdater
from a2a.types import Message, Part, Role, Task, TaskState, TaskStatus

Act = Callable[["Parrot", TaskUpdater, RequestContext, str], Awaitable[None]]


class Parrot(AgentExecutor):
    """The agent; ``heard`` are the messages it got, ``began`` and ``cancelled`` what befell it."""

    def __init__(self) -> None:
        self.heard: list[Message] = []
        self.began = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.go = asyncio.Event()
        self.news = asyncio.Condition()

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Do what the first word says, with what comes after it."""
        assert context.message is not None
        assert context.task_id is not None
        assert context.context_id is not None
        self.heard.append(context.message)
        word, _, rest = context.get_user_input().partition(" ")
        if word == "message":
            said = new_text_message(rest, context_id=context.context_id, role=Role.ROLE_AGENT)
            await event_queue.enqueue_event(said)
            return
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        if context.current_task is None:
            state = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED)
            task = Task(id=context.task_id, context_id=context.context_id, status=state)
            task.history.append(context.message)
            await event_queue.enqueue_event(task)
        self.began.set()
        async with self.news:
            self.news.notify_all()
        await ACTS.get(word, echo)(self, updater, context, rest)

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Stop."""
        assert context.task_id is not None
        assert context.context_id is not None
        self.cancelled.set()
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


async def say(updater: TaskUpdater, *parts: Part) -> None:
    await updater.add_artifact(list(parts))
    await updater.complete()


async def echo(parrot: Parrot, updater: TaskUpdater, context: RequestContext, rest: str) -> None:
    await say(updater, new_text_part(context.get_user_input()))


async def more(parrot: Parrot, updater: TaskUpdater, context: RequestContext, rest: str) -> None:
    said = [each.message_id for each in parrot.heard if each.context_id == context.context_id]
    await say(updater, new_text_part(f"{len(said)} of {context.context_id}"))


async def fail(parrot: Parrot, updater: TaskUpdater, context: RequestContext, rest: str) -> None:
    await updater.failed(updater.new_agent_message([new_text_part(rest)] if rest else []))


async def reject(parrot: Parrot, updater: TaskUpdater, context: RequestContext, rest: str) -> None:
    await updater.reject(updater.new_agent_message([new_text_part(rest)]))


async def cancel(parrot: Parrot, updater: TaskUpdater, context: RequestContext, rest: str) -> None:
    await updater.cancel()


async def crash(parrot: Parrot, updater: TaskUpdater, context: RequestContext, rest: str) -> None:
    raise RuntimeError("it has crashed")


async def ask(parrot: Parrot, updater: TaskUpdater, context: RequestContext, rest: str) -> None:
    await updater.requires_input(updater.new_agent_message([new_text_part(rest)]))


async def login(parrot: Parrot, updater: TaskUpdater, context: RequestContext, rest: str) -> None:
    await updater.requires_auth(updater.new_agent_message([new_text_part(rest)]))


async def outside(parrot: Parrot, updater: TaskUpdater, context: RequestContext, rest: str) -> None:
    """Say that somebody has to log in elsewhere, and go on once they have."""
    await updater.requires_auth(updater.new_agent_message([new_text_part(rest)]))
    await parrot.go.wait()
    await say(updater, new_text_part("Welcome."))


async def draft(parrot: Parrot, updater: TaskUpdater, context: RequestContext, rest: str) -> None:
    """Say something, and then something else instead."""
    for words in ("A draft.", "The text."):
        await updater.add_artifact([new_text_part(words)], artifact_id="text")
    await updater.complete()


async def steps(parrot: Parrot, updater: TaskUpdater, context: RequestContext, rest: str) -> None:
    for number in range(int(rest)):
        words = new_text_part(f"step {number + 1}")
        await updater.start_work(updater.new_agent_message([words]))
        await updater.add_artifact([words], artifact_id="steps", append=number > 0)
    await updater.complete(updater.new_agent_message([new_text_part("done")]))


async def files(parrot: Parrot, updater: TaskUpdater, context: RequestContext, rest: str) -> None:
    await say(
        updater,
        new_text_part("Here:"),
        new_data_part({"degrees": 21.5, "n": 3}),
        new_raw_part(b"\x00\x01", media_type="application/x-two", filename="two.bin"),
        new_url_part("http://127.0.0.1:9/secret", media_type="text/plain", filename="far"),
    )


async def data(parrot: Parrot, updater: TaskUpdater, context: RequestContext, rest: str) -> None:
    await say(updater, new_data_part({"only": ["data", None, True]}))


async def controls(
    parrot: Parrot, updater: TaskUpdater, context: RequestContext, rest: str
) -> None:
    await say(updater, new_text_part("before\x00\x1bafter"))


async def long(parrot: Parrot, updater: TaskUpdater, context: RequestContext, rest: str) -> None:
    await say(updater, new_text_part("&" * int(rest)))


async def wait(parrot: Parrot, updater: TaskUpdater, context: RequestContext, rest: str) -> None:
    """Wait until it may go on."""
    await updater.start_work(updater.new_agent_message([new_text_part("waiting")]))
    await parrot.go.wait()
    await say(updater, new_text_part("It was worth it."))


async def forever(parrot: Parrot, updater: TaskUpdater, context: RequestContext, rest: str) -> None:
    await updater.start_work()
    await asyncio.Event().wait()


ACTS: Mapping[str, Act] = {
    each.__name__: each
    for each in (
        more,
        fail,
        reject,
        cancel,
        crash,
        ask,
        login,
        outside,
        draft,
        steps,
        files,
        data,
        controls,
        long,
        wait,
        forever,
    )
}
