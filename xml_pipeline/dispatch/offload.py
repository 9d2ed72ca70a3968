"""Handing deliveries to processes, as jobs: of a pool, on workers elsewhere, or in a sandbox.

The rule this file guards: what a worker says is bytes. The payloads in its answer are read and
validated like any other document, and nothing that it names is imported on that account.
"""

from __future__ import annotations

import logging
import sys
from asyncio import CancelledError
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from math import inf
from os.path import isabs
from typing import Any, NamedTuple

from xml_pipeline.config import OrganismConfig
from xml_pipeline.dispatch.by_name import name_of, paths_of
from xml_pipeline.dispatch.elsewhere import Elsewhere, NotBegun
from xml_pipeline.dispatch.enclosed import Work, handled
from xml_pipeline.dispatch.jobs import (
    Answer,
    Failure,
    Job,
    JobFailed,
    JobUndone,
    Said,
    encode_job,
    encode_words,
)
from xml_pipeline.dispatch.pool import Pool
from xml_pipeline.dispatch.process import Tell
from xml_pipeline.dispatch.turns import Crew
from xml_pipeline.errors import (
    BudgetExhausted,
    Denied,
    InvalidPayload,
    PayloadDefinitionError,
    XmlPipelineError,
)
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener, Reserved, Surroundings
from xml_pipeline.message import Delivery
from xml_pipeline.payload import Codec, codec_of
from xml_pipeline.registries import state as states
from xml_pipeline.sources import sources_needed, sources_taken

MIB = 1024 * 1024

TRIES = 2
"""How often a job that no worker elsewhere begins with is posted, before it is done here."""


class Turn(NamedTuple):
    """How many seconds a delivery may take, and what to call when they begin."""

    timeout: float
    begins: Callable[[], None]


class Offload:
    """Runs the handlers of ``cpu_bound`` listeners: on workers elsewhere, if there are any.

    Where there are none, they run in the processes of a pool of this one's own, which is
    started when it is first needed. What has a sandbox runs in that, in a process for each.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        config: OrganismConfig,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self.pool = Pool(_crew(config, ()))
        self.elsewhere = elsewhere
        self._surroundings = surroundings
        self._open = False
        self._bound: Mapping[str, Any] = {}
        self._config = config

    def check(self, listeners: Iterable[Listener], config: OrganismConfig) -> None:
        """Raise ValueError where a listener would need a pool and there is none."""
        for each in listeners:
            if each.cpu_bound and not config.process_pool.enabled:
                raise ValueError(f"listener {each.name}: cpu_bound needs `process_pool.enabled`")

    def serve(self, listeners: Iterable[Listener], config: OrganismConfig) -> None:
        """Take over these listeners; workers that know others, or other code, are replaced."""
        self._config = config
        bound = [each for each in listeners if each.cpu_bound]
        known = {each.name: (each.handler, each.accepts) for each in bound}
        crew = _crew(config, bound)
        if (known, crew) != (self._bound, self.pool.crew):
            self._bound = known
            self.pool.renew(crew)
        if self.elsewhere is None or self.elsewhere.running:
            self._start()
        else:
            self._start_elsewhere()

    async def start(self) -> None:
        """Start the workers, if there is anything for them to do, and wait for the first."""
        self._open = True
        self._start_elsewhere()
        try:
            if self.elsewhere is not None and self.elsewhere.running:
                await self.elsewhere.known()
            self._start()
            if self.pool.running:
                await self.pool.ready()
        except CancelledError:
            await self.stop()
            raise
        except JobFailed as error:
            await self.stop()
            raise XmlPipelineError(error.detail) from None

    async def stop(self) -> None:
        """End all workers."""
        self._open = False
        if self.elsewhere is not None:
            await self.elsewhere.stop()
        await self.pool.stop()

    async def run(
        self, delivery: Delivery, metadata: HandlerMetadata, turn: Turn
    ) -> tuple[HandlerResponse, ...]:
        """Have a delivery handled by a worker; its turn begins when one is free for it.

        Raises JobFailed where the handler raised, Denied where that is what it raised, JobUndone
        where its worker died.
        """
        reply = await self._reply(delivery, metadata, turn)
        if isinstance(reply, Failure) and reply.after is not None:
            raise JobUndone(reply.traceback, reply.after)
        if isinstance(reply, Failure):
            raise _raised(reply)
        responses = tuple(map(response_of, reply.said))
        if reply.state:
            metadata.state.clear()
            metadata.state.update(states.decode(reply.state, delivery.listener.payload))
        return responses

    async def _reply(
        self, delivery: Delivery, metadata: HandlerMetadata, turn: Turn
    ) -> Answer | Failure:
        host = JobHost(delivery, self._surroundings)
        if (sandbox := delivery.listener.sandbox) is not None:
            setup = _alone(self._config, delivery.listener)
            work = Work(setup, encode_job(job_of(delivery, turn.timeout)), turn.begins)
            return await handled(sandbox, metadata, work, host)
        if self.places:
            job = encode_job(job_of(delivery, turn.timeout))
            for _ in range(TRIES):
                if self.elsewhere is not None and self.places:
                    with suppress(NotBegun):
                        return await self.elsewhere.run(job, host, turn.begins)

        def begun() -> bytes:
            turn.begins()
            return encode_job(job_of(delivery, turn.timeout))

        self._start()
        return await self.pool.run(begun, host)

    @property
    def places(self) -> int:
        """Return how many processes there are elsewhere."""
        return self.elsewhere.places if self.elsewhere is not None else 0

    def _start(self) -> None:
        if self._open and self._bound and not self.pool.running and not self.places:
            self.pool.start()

    def _start_elsewhere(self) -> None:
        if self._open and self._bound and self.elsewhere is not None:
            self.elsewhere.start()


class JobHost:
    """Answers what a handler asks from its process."""

    def __init__(self, delivery: Delivery, surroundings: Surroundings) -> None:
        self.listener = delivery.listener.name
        self._delivery = delivery
        self._surroundings = surroundings
        self._reserved: list[Reserved] = []

    def asked(self, question: str, arguments: list[object], tell: Tell) -> None:
        """Answer a question, or tell what is wrong with it."""
        try:
            tell("", self._answer(question, arguments))
        except BudgetExhausted as error:
            tell("budget", str(error))
        except (TypeError, ValueError, IndexError) as error:
            tell("handler", f"{question}: {error}")

    def heard(self, level: int, logger: str, line: str) -> None:
        """Log a line on behalf of the delivery."""
        delivery = self._delivery
        conversation = delivery.conversation.id
        about = {
            "listener": delivery.listener.name,
            "thread_id": delivery.thread.id,
            "conversation_id": conversation,
            "message_id": f"{conversation}.{delivery.id}",
        }
        logging.getLogger(logger).log(level, "%s", line, extra=about)

    def _answer(self, question: str, arguments: list[Any]) -> object:
        around, delivery = self._surroundings, self._delivery
        match question, arguments:
            case "usage_instructions", []:
                return around.usage_instructions(delivery)
            case "todo_nudge", []:
                return around.todo_nudge(delivery)
            case "reserve", [tokens, usd]:
                self._reserved.append(around.budget(delivery).reserve(int(tokens), float(usd)))
                return len(self._reserved) - 1
            case "settle", [number, tokens, usd]:
                self._reserved[number].settle(int(tokens), float(usd))
                return None
            case _:
                raise ValueError("nobody answers this")


def job_of(delivery: Delivery, timeout: float) -> Job:
    """Return a delivery as a job that may take so many seconds."""
    payload, thread = delivery.payload, delivery.thread
    listener = delivery.listener
    accepts: Any = listener.accepts
    return Job(
        name_of(listener.handler),
        name_of(type(payload)),
        [*map(name_of, accepts)],
        [*map(name_of, listener.outputs)],
        listener.name,
        delivery.sender,
        delivery.kind,
        delivery.id,
        delivery.in_reply_to,
        delivery.hops,
        delivery.attempt,
        delivery.conversation.id,
        delivery.conversation.tenant,
        thread.id,
        thread.caller,
        None if timeout == inf else timeout,
        states.encode(thread.state, listener.payload) if thread.state else b"",
        payload.to_xml(),
    )


def response_of(said: Said) -> HandlerResponse:
    """Return a response as the handler made it.

    A payload whose class is not loaded here goes on as text, and is read on its way.
    """
    if said.payload_class == "":
        payload: object = None
    elif (codec := _codec(said.payload_class)) is None:
        payload = said.payload
    else:
        try:
            payload = codec.from_xml(said.payload)
        except InvalidPayload as error:
            raise JobFailed("validation", f"<{codec.tag}> from a worker: {error}") from None
    return HandlerResponse(payload, said.to, said.key, said.seconds, said.kind)


def _codec(path: str | None) -> Codec[Any] | None:
    module, _, name = (path or "").partition(":")
    found = getattr(sys.modules.get(module), name, None)
    if not isinstance(found, type):
        return None
    try:
        return codec_of(found)
    except PayloadDefinitionError:
        return None


def _crew(config: OrganismConfig, bound: Iterable[Listener]) -> Crew:
    """Return what the workers are to be.

    They are given the sources of the modules that have been taken over: a file that changes
    changes no worker before it is reloaded, not even one that is started afterwards.
    """
    pool = config.process_pool
    memory = (pool.memory_mb or 0) * MIB
    setup = _setup(config, bound, sys.path, sources_taken(), memory)
    most_long = pool.most_long_jobs(pool.workers)
    jobs_each = pool.max_tasks_per_child
    return Crew(pool.workers, most_long, pool.long_after, jobs_each, setup)


def _alone(config: OrganismConfig, listener: Listener) -> bytes:
    """Return how a worker of this listener only is set up, which is to see nothing of others."""
    modules = (path.partition(":")[0] for path in paths_of(listener))
    path = [*filter(isabs, sys.path)]  # Others would be seen from the folder it is in.
    return _setup(config, (listener,), path, sources_needed(modules), 0)


def _setup(
    config: OrganismConfig,
    bound: Iterable[Listener],
    path: list[str],
    sources: Mapping[str, bytes],
    memory: int,
) -> bytes:
    paths = sorted({path for each in bound for path in paths_of(each)})
    modules = {path.partition(":")[0] for path in paths}
    allow = sorted({*config.allow_imports, *modules})
    level = logging.getLogger().getEffectiveLevel()
    given = {name: text.decode("latin-1") for name, text in sources.items()}
    return encode_words(path, allow, paths, given, memory, level)


def _raised(reply: Failure) -> JobFailed | Denied:
    """Return what a handler has raised, as far as anybody is told of it."""
    if reply.denied:
        return Denied(reply.denied, reply.traceback)
    return JobFailed(reply.code, reply.traceback)
