"""The same two games in other libraries, each played in the way its own guide shows.

A question and its answer are two deliveries, whatever a library calls them. None of these
validates, attributes, budgets or orders anything here; only `langgraph` with its checkpointer
writes down what it does.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import process_time
from typing import Annotated, Any, TypedDict

from autogen_core import AgentId, MessageContext, RoutedAgent, SingleThreadedAgentRuntime, rpc
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from pydantic_graph import GraphBuilder, reduce_list_append

from benchmarks.games import Play

ENDLESS = 1_000_000


@dataclass
class Shot:
    """The payload of `benchmarks.floor`, as a plain dataclass."""

    player: str = "Suzanne Lenglen"
    stroke: str = "backhand down the line"
    remark: str = "A sentence of a hundred and forty characters." * 3
    rally: int = 1926
    speed: float = 141.25
    fair: bool = True


# ── autogen-core ────────────────────────────────────────────────────────────────────────────


class Pong(RoutedAgent):  # type: ignore[misc, unused-ignore]  # untyped where not installed
    """Returns every shot."""

    @rpc  # type: ignore[misc, untyped-decorator, unused-ignore]
    async def give_back(self, message: Shot, ctx: MessageContext) -> Shot:
        """Return it."""
        return message


class Ping(RoutedAgent):  # type: ignore[misc, unused-ignore]
    """Plays so many exchanges with one other, or rounds with all guests."""

    def __init__(self, others: tuple[str, ...], rounds: int) -> None:
        super().__init__("Serves.")
        self._others = others
        self._rounds = rounds

    @rpc  # type: ignore[misc, untyped-decorator, unused-ignore]
    async def serve(self, message: Shot, ctx: MessageContext) -> Shot:
        """Ask all others at once, wait for all their answers, and again."""
        others = [AgentId(other, self.id.key) for other in self._others]
        for _ in range(self._rounds):
            await asyncio.gather(*(self.send_message(message, other) for other in others))
        return message


@asynccontextmanager
async def autogen(others: tuple[str, ...], conversations: int, rounds: int) -> AsyncIterator[Play]:
    """Agents of a ``SingleThreadedAgentRuntime``; each conversation has its own instances."""
    runtime = SingleThreadedAgentRuntime()
    await Ping.register(runtime, "ping", lambda: Ping(others, rounds))
    for other in others:
        await Pong.register(runtime, other, lambda: Pong("Returns."))
    runtime.start()

    async def converse(number: int) -> None:
        await runtime.send_message(Shot(), AgentId("ping", str(number)))

    yield _timed(converse, conversations, 2 * len(others) * rounds)
    await runtime.stop()


# ── langgraph ───────────────────────────────────────────────────────────────────────────────


def gathered(present: list[Shot], more: list[Shot] | None) -> list[Shot]:
    """Add answers to those of this round; None begins another."""
    return present + more if more is not None else []


class Score(TypedDict):
    """The state of one conversation; ``answers`` are those of the present round."""

    shot: Shot
    round: int
    answers: Annotated[list[Shot], gathered]


@asynccontextmanager
async def langgraph(
    others: tuple[str, ...], conversations: int, rounds: int, *, checkpointed: bool = False
) -> AsyncIterator[Play]:
    """A ``StateGraph`` that goes round in a circle, with its SQLite checkpointer or without."""

    async def serve(score: Score) -> dict[str, Any]:
        return {"round": score["round"] + 1, "answers": None}

    async def give_back(score: Score) -> dict[str, Any]:
        return {"answers": [score["shot"]]}

    def onward(score: Score) -> Any:
        if score["round"] > rounds:
            return END
        return [Send(other, score) for other in others] if len(others) > 1 else others[0]

    builder: Any = StateGraph(Score)
    builder.add_node("ping", serve)
    builder.add_edge(START, "ping")
    builder.add_conditional_edges("ping", onward, [*others, END])
    for other in others:
        builder.add_node(other, give_back)
        builder.add_edge(other, "ping")
    async with AsyncExitStack() as stack:
        saver = None
        if checkpointed:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            file = str(Path(folder) / "checkpoints.sqlite")
            saver = await stack.enter_async_context(AsyncSqliteSaver.from_conn_string(file))
        graph = builder.compile(checkpointer=saver)
        ids = count()

        async def converse(number: int) -> None:
            config = {"recursion_limit": ENDLESS, "configurable": {"thread_id": str(next(ids))}}
            await graph.ainvoke({"shot": Shot(), "round": 0, "answers": []}, config)

        yield _timed(converse, conversations, 2 * len(others) * rounds)


# ── pydantic-graph ──────────────────────────────────────────────────────────────────────────


@dataclass
class Round:
    """The state of one conversation."""

    played: int = 0


@asynccontextmanager
async def pydantic_graph(
    others: tuple[str, ...], conversations: int, rounds: int
) -> AsyncIterator[Play]:
    """A ``GraphBuilder`` graph: one other is a step, several are a map and a join; and again."""
    builder: Any = GraphBuilder(state_type=Round, input_type=Shot, output_type=int)

    async def serve(ctx: Any) -> list[Shot] | int:
        ctx.state.played += 1
        return [Shot()] * len(others) if ctx.state.played <= rounds else ctx.state.played

    async def give_back(ctx: Any) -> Any:
        return ctx.inputs

    ping, pong = builder.step(serve), builder.step(give_back)
    going_on = builder.match(list)
    if len(others) > 1:
        collect = builder.join(reduce_list_append, initial_factory=list[Shot])
        going_on = going_on.map()
        builder.add(
            builder.edge_from(pong).to(collect),
            builder.edge_from(collect).to(ping),
        )
    else:
        builder.add(builder.edge_from(pong).to(ping))
    builder.add(
        builder.edge_from(builder.start_node).to(ping),
        builder.edge_from(ping).to(
            builder.decision()
            .branch(going_on.to(pong))
            .branch(builder.match(int).to(builder.end_node))
        ),
    )
    graph = builder.build()

    async def converse(number: int) -> None:
        await graph.run(state=Round(), inputs=Shot())

    yield _timed(converse, conversations, 2 * len(others) * rounds)


def _timed(converse: Callable[[int], Awaitable[None]], conversations: int, deliveries: int) -> Play:
    async def play() -> float:
        began = process_time()
        await asyncio.gather(*(converse(number) for number in range(conversations)))
        return (process_time() - began) / (conversations * deliveries)

    return play
