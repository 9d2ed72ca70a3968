"""An agent thinks in turns: what it asks for are messages, and so is what it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.agents.parts import Found, Look, agent, calls, finder, script
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.errors import HandlerFailed
from xml_pipeline.listener import HandlerResponse
from xml_pipeline.llm.base import ToolResult
from xml_pipeline.payload import codec_of, xmlify
from xml_pipeline.testing import memory_organism, respond


def results(request: Any) -> list[tuple[str, str, bool]]:
    """Return the results that a model is shown last."""
    blocks = request.messages[-1].blocks
    told = [each for each in blocks if isinstance(each, ToolResult)]
    return [(each.call_id, each.content, each.is_error) for each in told]


async def test_an_agent_answers_in_words() -> None:
    provider = script("Forty-two.")
    async with memory_organism(agent(provider)) as organism:
        answer = await organism.ask("ada", Task("What is it?"))
    assert answer.text == "Forty-two."
    assert answer.spent.turns == 1
    [request] = provider.requests
    assert request.messages[0].text == "What is it?"
    assert "You are Ada." in request.system


async def test_a_call_becomes_a_message_to_a_peer_and_its_answer_a_result() -> None:
    provider, found = script(calls(("finder", {"word": "ox"})), "It is an ox."), finder()
    async with memory_organism(agent(provider, peers=("finder",)), found) as organism:
        answer = await organism.ask("ada", Task("What is an ox?"))
    assert found.payloads == [Look("ox")]
    assert answer.text == "It is an ox."
    assert results(provider.requests[1]) == [("c0", "ox means something", False)]
    assert (answer.spent.turns, answer.spent.tool_calls) == (2, 1)


async def test_calls_of_one_turn_go_out_side_by_side_and_come_back_in_their_order() -> None:
    words = ("ape", "bat", "cat")
    provider = script(calls(*(("finder", {"word": each}) for each in words)), "Done.")
    async with memory_organism(agent(provider, peers=("finder",)), finder()) as organism:
        await organism.ask("ada", Task("Look."))
    told = results(provider.requests[1])
    assert [each[1] for each in told] == [f"{each} means something" for each in words]


async def test_a_peer_that_fails_is_an_error_that_the_model_can_act_on() -> None:
    def react(look: Look) -> Any:
        if look.word == "bad":
            raise RuntimeError("no such page")
        return respond(Found("good"))

    provider = script(calls(("finder", {"word": "bad"}), ("finder", {"word": "ok"})), "Half.")
    async with memory_organism(agent(provider, peers=("finder",)), finder(react)) as organism:
        assert (await organism.ask("ada", Task("Look."))).text == "Half."
    bad, good = results(provider.requests[1])
    assert bad[2]
    assert "no such page" not in bad[1]
    assert good[1:] == ("good", False)


async def test_a_peer_that_says_nothing_is_an_error_that_the_model_can_act_on() -> None:
    provider = script(calls(("finder", {"word": "x"})), "Nothing.")
    silent = finder(lambda look: None)
    async with memory_organism(agent(provider, peers=("finder",)), silent) as organism:
        await organism.ask("ada", Task("Look."))
    [(_, content, is_error)] = results(provider.requests[1])
    assert is_error
    assert "without an answer" in content


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("finder", {"word": "ox", "times": "many"}, "times"),
        ("finder", {}, "word"),
        ("finder", {"word": "ox", "colour": "red"}, "colour"),
        ("teller", {"word": "ox"}, "Tool not found: teller"),
    ],
)
async def test_wrong_arguments_and_names_come_back_to_the_model(
    name: str, arguments: dict[str, Any], words: str
) -> None:
    provider, found = script(calls((name, arguments)), "I gave up."), finder()
    async with memory_organism(agent(provider, peers=("finder",)), found) as organism:
        assert (await organism.ask("ada", Task("Look."))).text == "I gave up."
    assert found.payloads == []
    [(_, content, is_error)] = results(provider.requests[1])
    assert is_error
    assert words in content


async def test_an_agent_that_finds_no_answer_in_its_turns_fails() -> None:
    provider = script(lambda request: calls(("finder", {"word": f"w{len(request.messages)}"})))
    thinker = agent(provider, peers=("finder",), max_turns=3)
    async with memory_organism(thinker, finder()) as organism:
        with pytest.raises(HandlerFailed):
            await organism.ask("ada", Task("Look."))
    assert len(provider.requests) == 3


@xmlify
@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement."""

    guilty: bool
    years: int


async def test_an_answer_with_fields_is_forced_and_checked() -> None:
    provider = script(
        "Guilty, I say.",
        calls(("__respond__", {"guilty": True, "years": "five"}), ("finder", {"word": "law"})),
        calls(("__respond__", {"guilty": True, "years": 5}), ("finder", {"word": "more"})),
    )
    judge = agent(provider, peers=("finder",), output=Verdict)
    async with memory_organism(judge, found := finder()) as organism:
        assert await organism.ask("ada", Task("Judge.")) == Verdict(True, 5)
    assert [each.choice.kind for each in provider.requests] == ["any"] * 3
    (_, why, refused), (_, content, failed) = results(provider.requests[2])
    assert refused
    assert "years" in why
    assert (content, failed) == ("law means something", False)
    assert found.payloads == [Look("law")]


async def test_a_session_stays_open_for_what_follows() -> None:
    provider = script("I am Ada.", "You said hello.")
    async with memory_organism(agent(provider, session_seconds=60)) as organism:
        first = await organism.ask_for_delivery("ada", Task("Hello.", session=True))
        thread = organism.kernel.threads.get(first.conversation.id)
        more = codec_of(Task).to_xml(Task("What did I say?", session=True))
        envelope = (
            b'<message xmlns="https://xml-pipeline.org/ns/envelope/v1"><meta><from>outside</from>'
            b"<to>ada</to><thread>%b</thread></meta>%b</message>"
        ) % (thread.id.encode(), more.replace(b"<Task>", b'<Task xmlns="">'))
        accepted = organism.accept(envelope, "outside")
        second = await organism.waiter(accepted)
        assert second.payload.text == "You said hello."
        assert second.conversation.id == first.conversation.id
    assert [each.text for each in provider.requests[1].messages] == [
        "Hello.",
        "I am Ada.",
        "What did I say?",
    ]


async def test_an_agent_asks_another_agent_and_adds_up_what_that_took() -> None:
    boss = script(calls(("bob", {"text": "Think hard."})), "Bob says no.")
    bob = script("No.")
    listeners = (agent(boss, peers=("bob",)), agent(bob, name="bob"))
    async with memory_organism(*listeners) as organism:
        answer = await organism.ask("ada", Task("Ask Bob."))
    assert isinstance(answer, Answer)
    assert answer.text == "Bob says no."
    assert bob.requests[0].messages[0].text == "Think hard."
    assert answer.spent is not None
    assert (answer.spent.turns, answer.spent.tool_calls) == (3, 1)


async def test_a_model_may_write_xml_itself() -> None:
    provider = script(
        "Let me see.\n<Look><word>ox</word></Look>\n<Look><word>ape</word><times>x</times></Look>",
        "Both & done.",
    )
    writer = agent(provider, peers=("finder",), dialect="xml")
    async with memory_organism(writer, found := finder()) as organism:
        answer = await organism.ask("ada", Task("Look."))
    assert answer.text == "Both & done."
    assert found.payloads == [Look("ox")]
    told = provider.requests[1].messages[-1].text
    assert "ox means something" in told
    assert "<error" in told


async def test_a_peer_may_not_be_asked_for_what_was_not_asked() -> None:
    async with memory_organism(agent(script("Never."))) as organism:
        with pytest.raises(HandlerFailed):
            await organism.ask("ada", Found("a stray answer"))


def test_handlers_of_equal_agents_are_equal() -> None:
    provider = script("x")
    assert agent(provider).handler == agent(provider).handler
    assert agent(provider).handler != agent(provider, max_turns=2).handler
    assert isinstance(HandlerResponse.respond(1), HandlerResponse)


async def test_an_agent_may_hand_over_to_another_that_answers_in_its_place() -> None:
    boss = script(calls(("hand_off_to_bob", {"text": "You do it."})))
    listeners = (
        agent(boss, peers=("bob",), handoff=("bob",)),
        agent(script("Done by Bob."), name="bob"),
    )
    async with memory_organism(*listeners) as organism:
        answer = await organism.ask("ada", Task("Do it."))
    assert answer.text == "Done by Bob."
    assert len(boss.requests) == 1
