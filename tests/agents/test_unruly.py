"""Whatever a model says and its peers do, a conversation ends, and its transcript is in order."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.agents.conversations import sides_take_turns
from tests.agents.parts import agent
from tests.agents.unruly import PEERS, Unruly, peers, plays
from tests.virtual_clock import VirtualClockLoop
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.errors import Unanswered
from xml_pipeline.llm.base import Completion, Request, ToolResult, said
from xml_pipeline.payload import xmlify
from xml_pipeline.testing import memory_organism


@xmlify
@dataclass(frozen=True, slots=True)
class Judgement:
    """An answer with a field."""

    word: str


async def _converse(model: Unruly, output: type, **keys: Any) -> Any:
    thinker = agent(model, peers=PEERS, output=output, **keys)
    async with memory_organism(thinker, *peers()) as organism:
        try:
            answer: Any = await organism.ask("ada", Task("Go."))
        except Unanswered as error:
            answer = error
        await organism.drain()
        assert not list(organism.kernel.threads)
    return answer


def _in_order(request: Request) -> bool:
    """Tell whether sides take turns, and every call is answered once, right after it."""
    wanted: list[str] = []
    for message in request.messages:
        found = [each.call_id for each in message.blocks if isinstance(each, ToolResult)]
        if found != wanted:
            return False
        wanted = [each.id for each in message.calls]
        if max(Counter(wanted).values(), default=1) > 1 or "" in wanted:
            return False
    return not wanted and sides_take_turns(request.messages)


@given(plays, st.sampled_from((Answer, Judgement)), st.none() | st.just(60.0))
def test_every_conversation_ends_and_is_told_to_the_model_in_order(
    lines: Any, output: type, patience: float | None
) -> None:
    model = Unruly(lines)
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        came = runner.run(_converse(model, output, tool_timeout=patience))
    assert isinstance(came, output | Unanswered)
    assert getattr(came, "code", None) in (None, "handler", "validation")
    for each in model.requests:
        assert _in_order(each)


scrawls = st.lists(
    st.sampled_from(
        (
            *("<Look>", "</Look>", "<Look/>", "<word>", "</word>", "<times>x</times>", "ox", "&"),
            *("<Judgement>", "</Judgement>", "<![CDATA[", "]]>", "<message>", "\0", "\ud83d"),
            "<Look><word>ox</word></Look>",
            "<Look><word>ox</word></Look>",
            '<!DOCTYPE a [<!ENTITY b "bb">]>&b;',
        )
    ),
    max_size=6,
).map("".join)


@given(st.lists(scrawls, max_size=4), st.sampled_from((Answer, Judgement)))
def test_every_conversation_of_a_model_that_scrawls_xml_ends(
    texts: list[str], output: type
) -> None:
    model = Unruly([Completion(said("assistant", each)) for each in texts])
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        came = runner.run(_converse(model, output, dialect="xml"))
    assert isinstance(came, output | Unanswered)
    assert getattr(came, "code", None) in (None, "handler")
    assert all(sides_take_turns(each.messages) for each in model.requests)
