"""Permissions: the first rule that fits, the strictest of several lists, and exact arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xml_pipeline.events import Events
from xml_pipeline.listener import HandlerMetadata, Listener
from xml_pipeline.payload import Json, codec_of, xmlify
from xml_pipeline.permission import Action, Permission
from xml_pipeline.registries.arguments import Arguments, canonical
from xml_pipeline.registries.listeners import Listeners
from xml_pipeline.registries.permissions import Permissions
from xml_pipeline.registries.threads import Threads


@xmlify
@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a file is."""

    name: str
    groups: tuple[str, ...] = ()


@xmlify
@dataclass(frozen=True, slots=True)
class Write:
    """A file to write."""

    path: str = "/tmp/x"
    text: str = ""
    owners: tuple[Owner, ...] = ()
    force: bool = False
    options: Json = None


async def nothing(payload: Write, metadata: HandlerMetadata) -> None:
    """Do nothing."""


def verdict(
    *lists: tuple[Permission, ...],
    tool: str = "write",
    call: Write | None = None,
    organism: tuple[Permission, ...] = (),
    agent: bool = False,
) -> Action:
    """Judge a call on a thread below listeners with these lists, the outermost first."""
    listeners = Listeners(
        Listener(f"l{n}", Write, nothing, description="Does.", permissions=rules, agent=agent)
        for n, rules in enumerate(lists)
    )
    permissions, threads = Permissions(listeners), Threads(Events())
    permissions.replace(organism, 60.0)
    thread = threads.root("outside", "l0")
    for n in range(1, len(lists)):
        thread = threads.child(thread, f"l{n - 1}", f"l{n}", n)
    xml = codec_of(Write).to_xml(call or Write())
    return permissions.verdict(thread, tool, lambda: Arguments(xml)).action


def rule(action: Action, tool: str = "*", **arguments: str) -> Permission:
    return Permission(tool, action, {k.replace("__", "."): v for k, v in arguments.items()})


def test_the_first_rule_that_fits_decides() -> None:
    rules = (rule("allow", "write"), rule("deny", "w*"), rule("ask"))
    assert verdict(rules) == "allow"
    assert verdict(rules, tool="wipe") == "deny"
    assert verdict(rules, tool="read") == "ask"


def test_what_no_rule_fits_is_asked_about() -> None:
    assert verdict((rule("allow", "read"),)) == "ask"
    assert verdict((rule("allow", "Write"),)) == "ask"


def test_where_there_are_no_rules_everything_is_allowed() -> None:
    assert verdict((), (), agent=True) == "allow"


def test_rules_of_the_organism_hold_below_agents_and_where_there_are_others() -> None:
    everything = (rule("deny"),)
    assert verdict((), organism=everything) == "allow"
    assert verdict((), (), organism=everything, agent=True) == "deny"
    assert verdict((rule("allow"),), organism=everything) == "deny"


@pytest.mark.parametrize("below", ["allow", "ask", "deny"])
@pytest.mark.parametrize("above", ["allow", "ask", "deny"])
@pytest.mark.parametrize("organism", ["allow", "ask", "deny"])
def test_of_several_lists_the_strictest_word_counts(
    above: Action, below: Action, organism: Action
) -> None:
    strictest = max((above, below, organism), key=["allow", "ask", "deny"].index)
    lists = ((rule(above),), (), (rule(below),))
    assert verdict(*lists, organism=(rule(organism),)) == strictest


def test_a_listener_above_that_is_gone_allows_nothing() -> None:
    listeners = Listeners([Listener("b", Write, nothing, description="Does.")])
    permissions, threads = Permissions(listeners), Threads(Events())
    thread = threads.child(threads.root("outside", "gone"), "gone", "b", 1)
    assert permissions.verdict(thread, "write", _never).action == "ask"


def _never() -> NoReturn:
    raise AssertionError("the arguments are none of its business")


def test_arguments_are_not_looked_at_where_no_rule_asks_for_them() -> None:
    listeners = Listeners(
        [Listener("a", Write, nothing, description="Does.", permissions=(rule("deny"),))]
    )
    permissions = Permissions(listeners)
    thread = Threads(Events()).root("outside", "a")
    assert permissions.verdict(thread, "write", _never).action == "deny"


OWNED = Write("/tmp/a b", " x\n", (Owner("ann", ("staff", "wheel")), Owner("bob")), force=True)


@pytest.mark.parametrize(
    ("arguments", "fits"),
    [
        ({"path": "/tmp/a b"}, True),
        ({"path": "/tmp/a"}, False),
        ({"path": "/TMP/*"}, False),
        ({"path": "/tmp/*", "force": "true"}, True),
        ({"path": "/tmp/*", "force": "false"}, False),
        ({"text": " x\n"}, True),
        ({"text": "x"}, False),
        ({"text": "*x?"}, True),
        ({"owners.name": "bob"}, True),
        ({"owners.name": "eve"}, False),
        ({"owners.groups": "wheel"}, True),
        ({"owners.groups": "root"}, False),
        ({"nothing.like.that": "*"}, False),
    ],
)
def test_rules_match_exact_texts_in_nested_fields_and_in_items(
    arguments: dict[str, str], fits: bool
) -> None:
    rules = (Permission("write", "deny", arguments), rule("allow"))
    assert verdict(rules, call=OWNED) == ("deny" if fits else "allow")


def test_to_be_allowed_every_item_has_to_fit() -> None:
    rules = (rule("allow", "write", owners__name="[ab]*"),)
    assert verdict(rules, call=OWNED) == "allow"
    assert verdict(rules, call=Write(owners=(Owner("ann"), Owner("eve")))) == "ask"
    assert verdict(rules, call=Write(owners=())) == "ask"


def test_free_json_is_one_text() -> None:
    rules = (rule("deny", options='*"mode":"root"*'), rule("allow"))
    assert verdict(rules, call=Write(options={"mode": "root"})) == "deny"
    assert verdict(rules, call=Write(options={"mode": "user"})) == "allow"


def test_what_is_left_out_of_a_call_has_its_default() -> None:
    short = b"<Write></Write>"
    assert Arguments(canonical(short, codec_of(Write))).at("path") == ("/tmp/x",)
    assert Arguments(canonical(short, None)).at("path") == ()


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=20))
def test_a_text_is_found_as_it_was_written(text: str) -> None:
    arguments = Arguments(codec_of(Write).to_xml(Write(text, owners=(Owner(text),))))
    assert arguments.at("path") == arguments.at("owners.name") == (text,)
