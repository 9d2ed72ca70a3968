"""A model that writes XML by hand: what it wants sent is found in its words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agents.parts import Look, agent, calls, finder, script
from tests.agents.test_unruly import Judgement
from xml_pipeline.agents.dialect import written
from xml_pipeline.agents.functions import Functions, PeerFunction
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.llm.base import Function
from xml_pipeline.payload import RawPayload, codec_of
from xml_pipeline.testing import Probe, memory_organism

FUNCTIONS = Functions(
    {"finder": PeerFunction(Function("finder", "", {}), finder().listener, codec_of(Look))}
)


def found(text: str) -> list[str]:
    """Return the elements that are found in a text."""
    return [each.arguments["xml"] for each in written(text, FUNCTIONS, None)]


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("<Look/> and <Look />", ["<Look/>", "<Look />"]),
        ('<Look a="1"/>then</Look>', ['<Look a="1"/>']),
        ('<Look a="/">x</Look>', ['<Look a="/">x</Look>']),
        ("<Look><Look>in</Look></Look>!", ["<Look><Look>in</Look></Look>"]),
        ("<Look><Look/>in</Look>!", ["<Look><Look/>in</Look>"]),
        ("<Look><![CDATA[</Look>]]></Look>!", ["<Look><![CDATA[</Look>]]></Look>"]),
        ("<Look><!--</Look>--></Look>!", ["<Look><!--</Look>--></Look>"]),
        ("<Look><![CDATA[</Look>", ["<Look><![CDATA[</Look>"]),
        ("<Look>never ends", ["<Look>never ends"]),
        ("<Looking/> </Look> < Look>", []),
        ("<message><to>boss</to><Look/></message>", ["<Look/>"]),
    ],
)
def test_each_element_is_found_to_its_own_end(text: str, elements: list[str]) -> None:
    assert found(text) == elements


_marks = st.sampled_from(
    ("<Look>", "</Look>", "<Look/>", '<Look a="', "<![CDATA[", "]]>", "<!--", "-->", "<", ">", "x")
)


@given(st.lists(_marks).map("".join))
def test_what_is_found_stands_in_the_text_in_this_order(text: str) -> None:
    at = 0
    for each in found(text):
        found_at = text.find(each, at)
        assert found_at >= 0
        at = found_at + len(each)


async def test_text_that_xml_cannot_carry_does_not_end_the_run() -> None:
    provider = script("<Look><word>nul \0, half \ud83d</word></Look>", "Found it.")
    writer = agent(provider, peers=("finder",), dialect="xml")
    async with memory_organism(writer, looked := finder()) as organism:
        assert (await organism.ask("ada", Task("Look."))).text == "Found it."
    assert looked.payloads == [Look("nul \ufffd, half \ufffd")]


async def test_an_answer_with_fields_that_xml_cannot_carry_does_not_end_the_run() -> None:
    provider = script("<Judgement><word>half \ud83d</word></Judgement>")
    judge = agent(provider, output=Judgement, dialect="xml")
    async with memory_organism(judge) as organism:
        assert await organism.ask("ada", Task("Judge.")) == Judgement("half \ufffd")


BOMB = '<!DOCTYPE a [<!ENTITY b "bb">]><Look><word>&b;</word></Look>'


@pytest.mark.parametrize(
    "xml", ["half \ud83d", "", "<Look", "<a/><b/>", BOMB, "<message><to>ada</to></message>"]
)
async def test_whatever_is_written_to_a_listener_of_any_xml_the_model_hears_what_came_of_it(
    xml: str,
) -> None:
    provider = script(calls(("anything", {"xml": xml})), "So that was it.")
    silent = Probe("anything", RawPayload)
    async with memory_organism(agent(provider, peers=("anything",)), silent) as organism:
        answer = await organism.ask("ada", Task("Send it."))
        assert not list(organism.kernel.threads)
    assert isinstance(answer, Answer)
    assert answer.text == "So that was it."
    assert all(each.metadata.from_id == "ada" for each in silent.seen)
