"""Faults of the reference agent runtime that this one does not have, by their numbers in its list.

Its list is the one of what its authors admit and what was found in it; these fall to agents and
models. Where another test proves it already, ``ELSEWHERE`` names that one.
"""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.agents.parts import Found, Look, agent, calls, finder, script
from tests.agents.test_agent import results
from tests.agents.test_telling import told
from tests.approvals.parts import Person, rule
from tests.house.source import ROOT
from xml_pipeline.agents.agent import accepted
from xml_pipeline.agents.orchestrator import Orchestrator
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.config import AgentKeys
from xml_pipeline.errors import BudgetExhausted, HandlerFailed, Timeout
from xml_pipeline.events import AgentText, Event
from xml_pipeline.listener import HandlerResponse, Listener
from xml_pipeline.llm.base import Completion, Message, Provider, Thinking, ToolCall, Usage
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.llm.retry import Retry
from xml_pipeline.organism import Organism
from xml_pipeline.testing import memory_organism

pytestmark = pytest.mark.virtual_clock

NUMBERS = (1, 2, 3, 13, 14, 15, 16, 17, 18, 19, 20, 23, 24, 25)

ELSEWHERE: Mapping[int, tuple[str, ...]] = {
    1: (
        "tests/approvals/test_thinking.py::test_a_misspelt_name_is_mended_before_the_rules_look_at_it",
        "tests/agents/test_guarded.py::test_a_misspelt_name_is_mended_before_guardrails_look_at_it",
        "tests/tools/test_profiles.py::test_the_pump_refuses_what_is_left_out_whatever_is_sent_there",
    ),
    2: (
        "tests/approvals/test_asking.py::test_without_anybody_to_ask_a_call_is_denied_at_once",
        "tests/approvals/test_thinking.py::test_an_agent_below_inherits_what_holds_for_the_one_above",
    ),
    3: (
        "tests/approvals/test_learning.py::test_always_means_this_very_call_and_nobody_needs_to_be_there",
        "tests/approvals/test_learning.py::test_what_was_learned_is_of_one_principal_and_tenant",
        "tests/registries/test_permissions.py::test_rules_match_exact_texts_in_nested_fields_and_in_items",
        "tests/approvals/test_inheriting.py::test_other_rules_hold_as_soon_as_they_are_put_in_place",
    ),
    13: (
        "tests/mcp/test_exchange.py::test_where_nothing_of_use_is_granted_nothing_is_called",
        "tests/mcp/test_exchange.py::test_a_conversation_has_its_token_until_it_ends",
        "tests/mcp/test_exchange.py::test_a_token_is_asked_for_as_the_standard_has_it",
    ),
    15: (
        "tests/llm/test_recorded.py::test_a_recorded_reply_is_read",
        "tests/llm/test_recorded.py::test_part_of_a_stream_never_looks_like_the_whole",
        "tests/llm/test_failures.py::test_an_error_in_the_middle_of_a_stream_is_one_and_tells_what_was_spent",
    ),
    16: (
        "tests/llm/test_failures.py::test_nobody_waits_for_ever",
        "tests/llm/test_over_http.py::test_a_status_that_may_pass_is_asked_again",
        "tests/llm/test_retry.py::test_whoever_is_told_when_to_come_again_comes_no_sooner_and_not_all_at_once",
        "tests/llm/test_retry.py::test_a_stream_that_breaks_is_begun_again_and_nothing_is_lost_or_doubled",
    ),
    17: (
        "tests/llm/test_cascade.py::test_answers_that_were_rejected_are_paid_for_too",
        "tests/agents/test_compaction.py::test_without_a_whole_summary_everything_stays_and_is_counted",
        "tests/llm/test_metered.py::test_every_attempt_counts_whatever_wraps_it",
        "tests/flows/test_agents.py::test_ten_agents_delegate_to_each_other_and_what_it_took_adds_up_at_the_top",
    ),
    18: (
        "tests/agents/test_doom.py::test_three_times_the_same_is_a_circle",
        "tests/agents/test_compaction.py::test_a_later_summary_takes_the_place_of_the_earlier_one",
        "tests/agents/test_compaction.py::test_what_a_summarizer_is_asked_never_exceeds_its_limit",
        "tests/agents/test_compaction.py::test_a_summarizer_is_made_as_the_file_says",
        "tests/llm/test_tokens.py::test_what_a_model_may_call_is_counted_too",
    ),
    19: (
        "tests/agents/test_every_step.py::test_a_step_is_told_when_it_is_taken",
        "tests/agents/test_every_step.py::test_no_step_is_left_out_but_those_of_parts_that_are_not_there_yet",
    ),
    23: (
        "tests/mcp/test_client.py::test_an_agent_uses_a_program_and_sees_what_it_shows",
        "tests/mcp/test_connection.py::test_each_tool_has_its_own_time",
        "tests/mcp/test_connection.py::test_a_server_that_was_restarted_is_connected_to_again",
        "tests/mcp/test_trust.py::test_a_tool_that_is_described_otherwise_is_not_called_until_that_is_approved",
        "tests/mcp/test_client.py::test_prompts_and_resources_are_listeners",
    ),
    24: (
        "tests/a2a_client/test_client.py::test_what_is_answered_comes_back_with_where_it_belongs",
        "tests/a2a_client/test_two_organisms.py::test_one_organism_asks_the_listeners_of_another",
        "tests/a2a/test_server.py::test_the_card_tells_of_those_who_are_exposed_and_of_nobody_else",
        "tests/a2a/test_server.py::test_a_message_is_one_like_any_other_and_its_answer_an_artifact",
    ),
    25: (
        "tests/flows/test_agents.py::test_a_restart_goes_on_in_mid_conversation_and_asks_no_model_again",
        "tests/approvals/test_waiting.py::test_an_approval_is_given_after_the_process_was_killed",
        "tests/cli/test_approvals.py::test_calls_are_listed_allowed_and_denied_and_what_was_learned_is_forgotten",
    ),
}
"""The tests that prove it elsewhere, as pytest names them."""


def tests_in(file: Path) -> dict[str, str]:
    """Return the tests of a file, and what each says of itself."""
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    found = (each for each in nodes if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    return {each.name: ast.get_docstring(each) or "" for each in found if each.name[:5] == "test_"}


def test_each_fault_has_its_proof_and_each_proof_is_there() -> None:
    here = {
        int(number)
        for words in tests_in(Path(__file__)).values()
        for number in re.findall(r"^(\d+): ", words)
    }
    assert sorted(here | {*ELSEWHERE}) == sorted(NUMBERS)
    named = [each.split("::") for proofs in ELSEWHERE.values() for each in proofs]
    assert [each for file, each in named if each not in tests_in(ROOT / file)] == []


def lead(provider: Provider, *peers: str, output: type = Answer, **orchestration: Any) -> Listener:
    """Return an orchestrator."""
    said: Any = {"routing": "always", **orchestration}
    handler = Orchestrator(provider, "scripted:test", AgentKeys(orchestration=said), output)
    about: dict[str, Any] = {"agent": True, "peers": peers, "output": output}
    return Listener("boss", accepted((Task,)), handler, description="Leads.", **about)


def ruled(listener: Listener, *rules: Any) -> Listener:
    """Return the same listener, with rules about what it may call."""
    about: dict[str, Any] = {"peers": listener.peers, "output": Answer, "permissions": rules}
    return Listener(
        listener.name,
        listener.accepts,
        listener.handler,
        description=listener.description,
        agent=True,
        **about,
    )


# ── Security ────────────────────────────────────────────────────────────────────────────────


async def test_a_misspelt_call_does_not_slip_past_the_rule_against_it() -> None:
    """1: rules saw the misspelt name, and it was mended afterwards."""
    provider, found = script(calls(("fnider", {"word": "ox"})), "Refused."), finder()
    ada = ruled(agent(provider, peers=("finder",)), rule("deny", "finder"), rule("allow", "*"))
    async with memory_organism(ada, found) as organism:
        await organism.ask("ada", Task("Look."))
    [(_, content, is_error)] = results(provider.requests[1])
    assert is_error
    assert content.startswith("Denied: ")
    assert found.payloads == []


async def test_a_member_of_a_team_asks_for_the_same_approvals_as_its_leader() -> None:
    """2: an agent below another had nobody to ask, and so was allowed everything."""
    tasks = {"tasks": [{"agent": "ann", "task": "Look."}]}
    boss = lead(script(calls(("delegate_task", tasks)), "Done."), "ann")
    ann = agent(script(calls(("finder", {"word": "ox"})), "Found."), name="ann", peers=("finder",))
    boss, found = ruled(boss, rule("ask", "finder"), rule("allow", "*")), finder()
    async with memory_organism(boss, ann, found) as organism:
        await organism.ask("boss", Task("Do it."))
        assert found.payloads == []
        person = Person(organism)
        with organism.approvals.attend():
            asking = asyncio.create_task(organism.ask("boss", Task("Do it.")))
            call = await person.decides("allow")
            await asking
    assert (call.agent, call.tool) == ("ann", "finder")
    assert found.payloads == [Look("ox")]


# ── Agents and models ───────────────────────────────────────────────────────────────────────


async def test_every_call_beside_an_answer_that_does_not_fit_has_its_result() -> None:
    """14: the calls beside a wrong `__respond__` were left without an answer."""
    wrong = calls(("__respond__", {"texts": 1}), ("finder", {"word": "ox"}), ("nothing", {}))
    right = calls(("__respond__", {"text": "an ox"}))
    provider = script(wrong, right)
    async with memory_organism(agent(provider, peers=("finder",), output=Found), finder()) as own:
        assert await own.ask("ada", Task("Look.")) == Found("an ox")
    told_of = results(provider.requests[1])
    assert [call for call, _, _ in told_of] == ["c0", "c1", "c2"]
    assert [is_error for _, _, is_error in told_of] == [True, False, True]


async def test_what_a_model_has_thought_is_passed_back_to_it() -> None:
    """15: blocks of thinking were dropped."""
    thought = Thinking("An ox, perhaps.", "c2VhbA==")
    wanted = Message("assistant", (thought, ToolCall("c0", "finder", {"word": "ox"})))
    provider = script(Completion(wanted, Usage(10, 5), "tool_use"), "An ox.")
    async with memory_organism(agent(provider, peers=("finder",)), finder()) as organism:
        await organism.ask("ada", Task("Look."))
    assert thought in provider.requests[1].messages[1].blocks


async def test_a_leader_that_fails_in_its_turn_still_tells_what_its_team_took() -> None:
    """17: what an orchestrator said it had cost left its agents out."""
    tasks = {"tasks": [{"agent": "ann", "task": "Look."}]}
    boss = lead(script(calls(("delegate_task", tasks))), "ann")
    async with memory_organism(boss, agent(script("Found."), name="ann")) as organism:
        of = told(organism)
        with pytest.raises(HandlerFailed):
            await organism.ask("boss", Task("Do it."))
    [failed], [completed] = of("run_failed"), of("run_completed")
    assert completed.agent == "ann"
    assert failed.about["turns"] == 1 + completed.about["turns"] + 1
    assert failed.about["output_tokens"] == 5 + completed.about["output_tokens"]


async def test_calls_that_alternate_in_a_circle_are_found_out_without_a_setting() -> None:
    """18: only equal turns in a row were noticed, and by default not even those."""
    one, other = calls(("finder", {"word": "a"})), calls(("finder", {"word": "b"}))
    provider, found = script(*[one, other] * 3, "I give up."), finder()
    async with memory_organism(agent(provider, peers=("finder",)), found) as organism:
        of = told(organism)
        await organism.ask("ada", Task("Look."))
    [noticed] = of("doom_loop_detected")
    assert noticed.about == {"times": 3, "period": 2}
    assert len(found.payloads) == 5


async def test_a_run_that_is_stopped_by_time_or_budget_is_told_as_failed() -> None:
    """19: the run's timeout and the budget stop told nobody."""

    async def hang(_: Any) -> Any:
        await organism.ended()

    wanted = calls(("finder", {"word": "ox"}))
    for keys, stop in (
        ({"run_timeout": 5.0}, Timeout),
        ({"max_total_tokens": 14}, BudgetExhausted),
    ):
        thinker = agent(script(wanted, "Never."), peers=("finder",), **keys)
        async with memory_organism(thinker, finder(hang)) as organism:
            of = told(organism)
            with pytest.raises(stop):
                await organism.ask("ada", Task("Look."))
        [failed] = of("run_failed")
        assert failed.agent == "ada"
        assert failed.about["code"] == ("timeout" if stop is Timeout else "budget")


async def test_an_attempt_that_is_made_again_is_told_with_its_agent() -> None:
    """19: events about retries carried no agent."""
    attempts = iter([ProviderError("server", "down"), None])

    def stumble(_: Any) -> Any:
        if (error := next(attempts)) is not None:
            raise error
        return "At last."

    async with memory_organism(agent(Retry(script(stumble)), name="cal")) as organism:
        of = told(organism)
        await organism.ask("cal", Task("Go."))
    [retry] = of("retry_attempt")
    assert retry.agent == "cal"


async def test_an_agent_that_takes_a_task_alone_keeps_the_schema_of_its_answer() -> None:
    """20: where one agent took a task whole, nobody asked it for its fields."""
    ann = script(calls(("__respond__", {"text": "an ox"})))
    boss = lead(script(), "ann", output=Found, routing="single")
    async with memory_organism(boss, agent(ann, name="ann", output=Found)) as organism:
        assert await organism.ask("boss", Task("Look.")) == Found("an ox")
    assert [each.name for each in ann.requests[0].functions] == ["__respond__"]


async def test_texts_that_stream_side_by_side_say_whose_they_are() -> None:
    """20: the words of agents at work together ran into each other, unlabelled."""
    words = {"ann": "One ox and another ox.", "bob": "No oxen at all, but a cow."}
    tasks = {"tasks": [{"agent": name, "task": "Look."} for name in words]}
    boss = lead(script(calls(("delegate_task", tasks)), "Done."), *words)
    team = [agent(script(said), name=name) for name, said in words.items()]
    heard: list[AgentText] = []

    def hear(event: Event) -> None:
        if isinstance(event, AgentText):
            heard.append(event)

    async with memory_organism(boss, *team) as organism:
        organism.subscribe(hear)
        await organism.ask("boss", Task("Do it."))
    for name, said in words.items():
        own = [each for each in heard if each.agent == name]
        assert "".join(each.text for each in own) == said
        assert len({each.thread_id for each in own}) == 1
    assert len({each.thread_id for each in heard}) == 3


async def test_rules_and_repair_hold_for_a_conversation_that_goes_on_after_a_restart() -> None:
    """25: what was made to last had no rules, no repair and no events."""
    backend, ended = MemoryBackend(), asyncio.Event()
    provider = script(
        calls(("finder", {"word": "ox"})), calls(("fobidden", {"word": "ox"})), "I give up."
    )
    rules = (rule("deny", "forbidden"), rule("allow", "*"))
    ada = ruled(agent(provider, peers=("finder", "forbidden")), *rules)
    found, forbidden = finder(lambda _: HandlerResponse.defer(within=60)), finder(name="forbidden")
    crew = (ada, found.listener, forbidden.listener)
    async with Organism(crew, backend=backend) as organism:
        await organism.send("ada", Task("Look."))
        waiting = (await found.next()).metadata.thread_id
        await organism.drain()
    async with Organism(crew, backend=backend) as organism:
        of = told(organism)
        organism.subscribe(
            lambda e: ended.set() if getattr(e, "step", "") == "run_completed" else None
        )
        organism.answer(waiting, Found("a beast"))
        await ended.wait()
    denied = [each.about["content"] for each in of("tool_call_completed") if each.about["is_error"]]
    assert [each.startswith("Denied: ") for each in denied] == [True]
    assert forbidden.payloads == []
