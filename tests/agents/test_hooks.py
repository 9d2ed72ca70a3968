"""Guardrails are asked in their order, and what they say has an effect."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agents.answers import completion
from tests.agents.conversations import conversations
from xml_pipeline.agents.hooks import Hooks, configured, objection, refusal
from xml_pipeline.config import GuardrailConfig
from xml_pipeline.errors import ConfigError
from xml_pipeline.guarding import (
    ALLOWED,
    Called,
    Guardrail,
    Outcome,
    Piece,
    Pieces,
    Verdict,
    denied,
    warned,
)
from xml_pipeline.llm.base import Completion, Message, Request, Text, ToolCall, ToolResult, said

CALL = ToolCall("1", "look", {"at": "it"})
RESULT = ToolResult("1", "found")


class Says(Guardrail):
    """Says the same of everything, leaves a trace in all words, and remembers what it saw."""

    def __init__(self, verdict: Verdict, trace: str = "") -> None:
        self.verdict, self.trace = verdict, trace
        self.saw: list[object] = []

    async def before_model(self, pieces: Pieces) -> tuple[Pieces, Verdict]:
        self.saw.append(pieces)
        return tuple(replace(each, text=each.text + self.trace) for each in pieces), self.verdict

    async def after_model(self, text: str) -> Verdict:
        self.saw.append(text)
        return self.verdict

    async def before_tool(self, called: Called) -> Verdict:
        self.saw.append(called)
        return self.verdict

    async def after_tool(self, called: Called, outcome: Outcome) -> tuple[Outcome, Verdict]:
        self.saw.append(outcome)
        return replace(outcome, text=outcome.text + self.trace), self.verdict


def hooks(*guardrails: Guardrail) -> Hooks:
    return Hooks(tuple((f"g{number}", each) for number, each in enumerate(guardrails)))


def request(*messages: Message) -> Request:
    return Request("m", messages or (said("user", "Hi."),), "You look.")


opinions = st.sampled_from((ALLOWED, warned("odd"), denied("bad")))


@given(st.lists(opinions, max_size=5))
async def test_the_first_that_denies_decides_else_the_first_that_warns_is_heard(
    verdicts: list[Verdict],
) -> None:
    asked = [Says(each) for each in verdicts]
    heard = await hooks(*asked).before_tool(CALL)
    opinions = [each.opinion for each in verdicts]
    worst = next((each for each in ("deny", "warn") if each in opinions), "allow")
    assert heard.opinion == worst
    if worst != "allow":
        assert heard.by == f"g{opinions.index(worst)}"
    last = opinions.index("deny") if worst == "deny" else len(asked) - 1
    assert [bool(each.saw) for each in asked] == [index <= last for index in range(len(asked))]


async def test_every_hook_hears_the_verdict() -> None:
    both = hooks(Says(warned("odd")), Says(denied("bad")))
    bad = Verdict("deny", "bad", "g1")
    assert (await both.before_model(request()))[1] == bad
    assert await both.after_model(completion("words")) == bad
    assert await both.before_tool(CALL) == bad
    assert await both.after_tool(CALL, RESULT) == (
        ToolResult("1", "Guardrail denied: bad", is_error=True),
        bad,
    )


async def test_what_one_rewrites_the_next_one_sees() -> None:
    first, second = Says(ALLOWED, "!"), Says(ALLOWED, "?")
    asked, verdict = await hooks(first, second).before_model(request())
    assert (asked.system, asked.messages, verdict) == (
        "You look.!?",
        (said("user", "Hi.!?"),),
        ALLOWED,
    )
    assert second.saw == [(Piece("system", "You look.!"), Piece("user", "Hi.!"))]
    shown, _ = await hooks(first, second).after_tool(CALL, RESULT)
    assert shown == ToolResult("1", "found!?")


async def test_a_denied_request_is_not_rewritten() -> None:
    asked = request()
    assert (await hooks(Says(denied("bad"), "!")).before_model(asked))[0] is asked


@given(conversations())
async def test_guardrails_change_words_and_nothing_else(messages: tuple[Message, ...]) -> None:
    asked = request(*messages)
    shown, _ = await hooks(Says(ALLOWED, "!")).before_model(asked)
    assert [each.role for each in shown.messages] == [each.role for each in messages]
    for before, after in zip(messages, shown.messages, strict=True):
        for was, block in zip(before.blocks, after.blocks, strict=True):
            if isinstance(was, Text):
                assert block == Text(was.text + "!")
            elif isinstance(was, ToolResult):
                assert block == replace(was, content=was.content + "!")
            else:
                assert block == was
    assert (await hooks(Guardrail()).before_model(asked))[0] is asked


async def test_a_guardrail_sees_from_which_function_a_result_came() -> None:
    seeing = Says(ALLOWED)
    turns = (Message("assistant", (CALL,)), Message("user", (RESULT,)))
    await hooks(seeing).before_model(request(said("user", "Hi."), *turns))
    (pieces,) = seeing.saw
    assert isinstance(pieces, tuple)
    assert pieces[-1] == Piece("result", "found", "look")


async def test_a_guardrail_that_leaves_something_out_ends_the_turn() -> None:
    class Drops(Guardrail):
        async def before_model(self, pieces: Pieces) -> tuple[Pieces, Verdict]:
            return pieces[1:], ALLOWED

    with pytest.raises(ValueError, match="guardrail g0 changes more than the words"):
        await hooks(Drops()).before_model(request())


async def test_an_answer_without_words_is_not_judged() -> None:
    calling = Completion(Message("assistant", (CALL,)))
    assert await hooks(Says(denied("bad"))).after_model(calling) == ALLOWED


async def test_without_guardrails_everything_passes_as_it_is() -> None:
    asked = request()
    nobody = Hooks()
    assert await nobody.before_model(asked) == (asked, ALLOWED)
    assert await nobody.after_model(completion("words")) == ALLOWED
    assert await nobody.before_tool(CALL) == ALLOWED
    assert await nobody.after_tool(CALL, RESULT) == (RESULT, ALLOWED)


async def test_a_guardrail_without_an_opinion_lets_everything_pass() -> None:
    mute = hooks(Guardrail())
    assert await mute.after_model(completion("words")) == ALLOWED
    assert await mute.before_tool(CALL) == ALLOWED
    assert await mute.after_tool(CALL, RESULT) == (RESULT, ALLOWED)


@given(conversations())
def test_after_a_denied_answer_the_sides_still_take_turns(messages: tuple[Message, ...]) -> None:
    withheld, told = objection(denied("it tells a secret"))
    assert (withheld.role, told.role) == ("assistant", "user")
    assert "it tells a secret" in told.text


def test_a_denial_without_a_reason_says_so() -> None:
    assert refusal(denied("")) == "Guardrail denied: unspecified"


def test_a_listener_names_its_guardrails() -> None:
    settings = {"threshold": 0.7}
    named = (GuardrailConfig("data_marking"), GuardrailConfig("injection", settings))
    assert [name for name, _ in configured(named).guardrails] == ["data_marking", "injection"]


def test_a_guardrail_that_is_not_there_is_told_of() -> None:
    with pytest.raises(ConfigError, match="guardrails has no"):
        configured((GuardrailConfig("injektion"),))


def test_wrong_settings_are_told_of_with_the_guardrail_and_the_key() -> None:
    with pytest.raises(ConfigError, match="`guardrails` injection: `threshold`: "):
        configured((GuardrailConfig("injection", {"threshold": 7.0}),))


def test_guardrails_of_the_same_settings_are_equal_and_others_are_not() -> None:
    mild, strict = ({"threshold": each} for each in (0.7, 0.4))
    made = [
        configured((GuardrailConfig("injection", each),)) for each in (mild, dict(mild), strict)
    ]
    assert made[0] == made[1] != made[2]
    assert made[0] != configured(()) == Hooks()
    assert Hooks((("own", Guardrail()),)) != Hooks((("own", Guardrail()),))
