"""Who there is, who may address whom, and who hears what is sent to nobody in particular."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.flows.payloads import Note, Number, Task
from xml_pipeline.errors import UnknownListener
from xml_pipeline.listener import HandlerMetadata, Listener
from xml_pipeline.payload import RawPayload
from xml_pipeline.registries.listeners import Listeners
from xml_pipeline.system import SystemError
from xml_pipeline.thread import Conversation, Thread


async def nothing(payload: Any, metadata: HandlerMetadata) -> None: ...


def listener(name: str, accepts: Any = Task, **options: Any) -> Listener:
    return Listener(name, accepts, nothing, **{"description": f"Is {name}.", **options})


def names(found: Any) -> list[str]:
    return [each.name for each in found]


# ── Names ───────────────────────────────────────────────────────────────────────────────


def test_a_listener_is_found_by_its_name_and_absence_is_told() -> None:
    alone = listener("a")
    table = Listeners([alone])
    assert (table.get("a"), table.find("a"), table.find("b")) == (alone, alone, None)
    assert ("a" in table, "b" in table, len(table), list(table)) == (True, False, 1, [alone])
    with pytest.raises(UnknownListener, match="'b'"):
        table.get("b")


def test_two_listeners_of_one_name_are_refused_and_nothing_changes() -> None:
    first = listener("a")
    table = Listeners([first])
    with pytest.raises(ValueError, match="two listeners are called 'a'"):
        table.add(listener("a", Note))
    with pytest.raises(ValueError, match="two listeners"):
        table.replace([listener("b"), listener("c"), listener("b")])
    assert list(table) == [first]
    assert table.accepting("Note") == ()


def test_a_group_with_the_name_of_a_listener_is_refused() -> None:
    with pytest.raises(ValueError, match="both a listener and a group are called 'a'"):
        Listeners([listener("a"), listener("b", group="a")])


def test_a_group_is_a_name_for_its_members() -> None:
    table = Listeners([listener("a", group="g"), listener("b"), listener("c", group="g")])
    assert names(table.named("g")) == ["a", "c"]
    assert names(table.named("b")) == ["b"]
    assert table.named("nobody") == ()


def test_what_is_removed_is_gone_from_every_table() -> None:
    table = Listeners([listener("a", group="g"), listener("b", Note)])
    assert table.remove("a").name == "a"
    assert (table.named("g"), table.accepting("Task"), "a" in table) == ((), (), False)
    with pytest.raises(UnknownListener):
        table.remove("a")


# ── Without an addressee ────────────────────────────────────────────────────────────────


def test_the_only_one_that_accepts_a_payload_hears_it() -> None:
    table = Listeners([listener("a", (Task, Note)), listener("b", Number)])
    assert names(table.accepting("Task")) == ["a"]
    assert table.accepting("Result") == ()


def test_of_several_only_those_that_listen_to_broadcasts_hear_it() -> None:
    quiet, loud = listener("quiet"), listener("loud", broadcast=True)
    louder = listener("louder", broadcast=True)
    assert names(Listeners([quiet, loud]).accepting("Task")) == ["loud"]
    assert names(Listeners([quiet, loud, louder]).accepting("Task")) == ["loud", "louder"]
    assert Listeners([quiet, listener("other")]).accepting("Task") == ()


def test_a_generic_listener_hears_nothing_that_is_not_addressed_to_it() -> None:
    assert Listeners([listener("raw", RawPayload)]).accepting("RawPayload") == ()


# ── Peers ───────────────────────────────────────────────────────────────────────────────


def test_nobody_may_address_anybody_unless_it_is_said() -> None:
    table = Listeners([listener("a"), listener("b")])
    assert not table.permits(table.get("a"), table.get("b"))


@pytest.mark.parametrize(
    ("peers", "allowed"),
    [((), []), (("b",), ["b"]), (("g",), ["c", "d"]), (("*",), ["a", "b", "c", "d"])],
)
def test_peers_are_names_groups_or_everybody(peers: tuple[str, ...], allowed: list[str]) -> None:
    sender = listener("a", peers=peers)
    others = [listener("b"), listener("c", group="g"), listener("d", group="g")]
    table = Listeners([sender, *others])
    assert [each.name for each in table if table.permits(sender, each)] == allowed


def test_a_peer_is_no_prefix_and_no_part_of_a_name() -> None:
    sender = listener("a", peers=("system.todo",))
    table = Listeners([sender, listener("system.todo"), listener("system.todo-complete")])
    assert names(each for each in table if table.permits(sender, each)) == ["system.todo"]


def chain(*callees: str) -> Thread:
    """Return the thread of the last of these, each called by the one before it."""
    home = Conversation(1, "c1", "outside", "")
    thread = Thread("t", home, None, "outside", callees[0], 1)
    for number, callee in enumerate(callees[1:]):
        thread = Thread(f"t{number}", home, thread, thread.callee, callee, 1)
    return thread


def test_one_that_acts_for_its_caller_reaches_whom_its_caller_may_reach() -> None:
    asker = listener("asker", peers=("helper", "worker"))
    helper = listener("helper", acts_for_caller=True, peers=("secret",))
    table = Listeners([asker, helper, listener("worker"), listener("secret")])
    thread = chain("asker", "helper")
    assert names(table.permitted(helper, thread, table)) == ["helper", "worker"]


def test_acting_for_one_that_acts_for_another_is_acting_for_the_first() -> None:
    asker = listener("asker", peers=("worker",))
    outer = listener("outer", acts_for_caller=True)
    inner = listener("inner", acts_for_caller=True)
    table = Listeners([asker, outer, inner, listener("worker"), listener("secret")])
    thread = chain("asker", "outer", "inner")
    assert names(table.permitted(inner, thread, table)) == ["worker"]


def test_acting_for_somebody_outside_reaches_all_but_the_system() -> None:
    helper = listener("helper", acts_for_caller=True)
    table = Listeners([helper, listener("worker"), listener("system.boot")])
    assert names(table.permitted(helper, chain("helper"), table)) == ["helper", "worker"]


def test_one_that_is_gone_may_address_nobody() -> None:
    table = Listeners([listener("worker")])
    assert table.permitted(None, chain("gone"), table) == []
    helper = listener("helper", acts_for_caller=True)
    assert table.permitted(helper, chain("gone", "helper"), table) == []


@given(st.data())
def test_the_permitted_are_exactly_those_that_are_listed(data: st.DataObject) -> None:
    some = [f"l{n}" for n in range(6)]
    peers = {each: tuple(data.draw(st.sets(st.sampled_from(some)))) for each in some}
    table = Listeners(listener(each, peers=peers[each]) for each in some)
    for sender in table:
        assert set(names(table.permitted(sender, chain(sender.name), table))) == set(
            peers[sender.name]
        )


# ── Usage instructions ──────────────────────────────────────────────────────────────────


def test_usage_instructions_tell_who_one_is_and_whom_one_may_address() -> None:
    agent = listener("agent", (Task, SystemError), peers=("worker", "absent"))
    table = Listeners([agent, listener("worker", Number), listener("secret", Note)])
    text = table.usage_instructions(agent)
    assert "You are agent: Is agent." in text
    assert "worker: Is worker." in text
    assert "absent: not registered" in text
    assert "secret" not in text
    assert "ends this thread" in text


def test_the_example_in_them_is_accepted_by_the_schema_beside_it() -> None:
    agent = listener("agent", peers=("worker",))
    table = Listeners([agent, listener("worker", Number)])
    text = table.usage_instructions(agent)
    example = text[text.index("Example:\n") + 9 :].partition("\n\n")[0]
    assert isinstance(Number.from_xml(example.encode()), Number)  # type: ignore[attr-defined]


def test_they_are_those_of_the_listeners_as_they_are_now() -> None:
    agent = listener("agent", peers=("worker", "late"))
    table = Listeners([agent, listener("worker")])
    assert "late: not registered" in table.usage_instructions(agent)
    table.add(listener("late", Note))
    assert "late: Is late." in table.usage_instructions(agent)
    everybody = listener("everybody", peers=("*",))
    table.add(everybody)
    assert "agent: Is agent." in table.usage_instructions(everybody)


def test_one_that_was_replaced_while_at_work_is_told_its_own() -> None:
    before, after = listener("agent", peers=("worker",)), listener("agent", description="New.")
    table = Listeners([before, listener("worker")])
    table.replace([after, listener("worker")])
    assert "worker" in table.usage_instructions(before)
    assert "worker" not in table.usage_instructions(after)
