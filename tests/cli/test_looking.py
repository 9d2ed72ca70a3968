"""`check`, `graph` and `schema` look at an organism without running it."""

from __future__ import annotations

import json

import pytest
from lxml import etree

from tests.cli.conftest import Command
from tests.cli.shell import Shell
from xml_pipeline.config import config_json_schema
from xml_pipeline.steps.envelope import envelope_schema


def test_check_lists_listeners_what_they_accept_and_whom_they_may_address(command: Command) -> None:
    done = command("check")
    rows = [line.split() for line in done.out.splitlines()]
    assert done.code == 0
    assert rows[0] == ["listener", "accepts", "peers", "is"]
    assert ["greeter", "Greeting,", "Shouted", "shouter"] in rows
    assert ["add", "Pair"] in rows
    assert done.err == "config/organism.yaml is fine: 9 listeners.\n"


def test_check_tells_every_problem_with_its_place(command: Command, shell: Shell) -> None:
    text = shell.organism.read_text()
    file = shell.write("bad.yaml", text.replace("[shouter]", "[shoutr]").replace("port", "prt"))
    done = command("check", str(file))
    assert done.code == 2
    first, second, *others = done.out.splitlines()
    assert all(each.endswith("(warning)") for each in others)
    assert first.startswith(f"{file}:1:10: server.prt: ")
    assert "shoutr" in second
    assert 'did you mean "shouter"?' in second
    assert done.err == f"{file} cannot be used: 2 problems.\n"


ELEVEN_MISTAKES = """\
on: true
budgt: {hops: 5}
max_concurrent_handlers: many
trusted_keys: {ada: 5}
pipeline: {delivery: [os:system]}
listeners:
  - name: first
    description: Plays.
    handler: handlers.hello:gret
    peers: [secnd]
  - name: second
    description: Plays.
    handler: handlers.helo:greet
    model: some:model
  - name: Second
    handler: handlers.hello:greet
  - name: third
    description: Plays.
    handler: handlers.hello:greet
    group: others
"""


def test_check_tells_mistakes_of_every_kind_in_one_run_with_its_warnings(
    command: Command, shell: Shell
) -> None:
    file = shell.write("bad.yaml", ELEVEN_MISTAKES)
    done = command("check", str(file))
    lines = [each.removeprefix(f"{file}:") for each in done.out.splitlines()]
    assert [each.split(": ")[0] for each in lines] == [
        "1:1", "2:1", "3:26", "4:21", "5:23", "9:14", "10:13", "13:14", "14:5", "15:5",
        "15:11", "17:11",
    ]  # fmt: skip
    assert lines[-1].endswith("only senders outside can reach it (warning)")
    assert sum("(warning)" in each for each in lines) == 1
    assert done.err == f"{file} cannot be used: 11 problems.\n"
    told = command("check", str(file), "--json").json
    assert (len(told["problems"]), len(told["warnings"])) == (11, 1)


def test_check_reports_as_json_what_is_right_and_what_is_wrong(
    command: Command, shell: Shell
) -> None:
    fine = command("check", "--json").json
    assert fine["usable"]
    assert fine["problems"] == []
    assert [each["name"] for each in fine["listeners"]][:2] == ["greeter", "shouter"]
    shell.write("config/organism.yaml", "listeners: [{name: a}]\n")
    bad = command("check", "--json")
    assert bad.code == 2
    assert not bad.json["usable"]
    assert {(each["line"], each["column"]) for each in bad.json["problems"]} == {(1, 13)}


def test_check_tells_of_a_file_that_is_not_there_and_of_what_to_do(command: Command) -> None:
    done = command("check", "none.yaml")
    assert done.code == 2
    assert "none.yaml: there is no such file" in done.out
    assert "xml-pipeline new" in done.out
    assert command("check", "none.yaml", "--json").json["problems"][0].keys() == {"text"}


def test_check_warns_of_what_is_allowed_and_odd(command: Command, shell: Shell) -> None:
    text = shell.organism.read_text()
    shell.organism.write_text(text.replace("[shouter]", "[shouter, shouter]"))
    done = command("check")
    assert done.code == 0
    assert '"shouter" is listed twice (warning)' in done.out
    assert "listed twice" in command("check", "--json").json["warnings"][0]["text"]


ORGANISM = """
    listeners:
      - {name: boss, description: d, payload_class: handlers.play:Say, handler: handlers.play:echo,
         agent: true, peers: [team, system.todo]}
      - {name: left, description: d, payload_class: handlers.play:Say, handler: handlers.play:echo,
         group: team, broadcast: true}
      - {name: right, description: d, payload_class: handlers.play:Pair, handler: handlers.play:add,
         group: team, peers: ["*"]}
    """


def test_graph_draws_listeners_groups_and_peers_as_mermaid(command: Command, shell: Shell) -> None:
    shell.write("config/organism.yaml", ORGANISM)
    drawn = command("graph").out.splitlines()
    assert drawn == [
        "flowchart LR",
        '    subgraph g0["team"]',
        '        n2["<b>left</b><br/>Say"]',
        '        n3["<b>right</b><br/>Pair"]',
        "    end",
        '    n0[["<b>system.todo</b><br/>TodoUntil"]]',
        '    n1(["<b>boss</b><br/>Say"])',
        '    n4(("<b>anyone</b>"))',
        "    n1 --> n2",
        "    n1 --> n3",
        "    n1 --> n0",
        "    n3 --> n4",
    ]


def test_graph_draws_the_same_for_graphviz(command: Command, shell: Shell) -> None:
    shell.write("config/organism.yaml", ORGANISM)
    drawn = command("graph", "--dot").out
    assert drawn.startswith("digraph organism {")
    assert '"left" [label="left\\nSay", shape=box];' in drawn
    assert '"boss" -> "system.todo";' in drawn
    assert 'label="team"' in drawn


def test_check_shows_what_kind_of_listener_each_is(command: Command, shell: Shell) -> None:
    shell.write("config/organism.yaml", ORGANISM)
    rows = [line.split(maxsplit=3) for line in command("check").out.splitlines()]
    assert ["left", "Say", "broadcast,", "in team"] in rows
    assert any(row[0] == "boss" and row[-1].endswith("agent") for row in rows)


def test_schema_config_is_the_schema_that_editors_use(command: Command) -> None:
    assert command("schema", "config").json == config_json_schema()


def test_schema_envelope_is_the_one_that_messages_are_checked_against(command: Command) -> None:
    schema = etree.XMLSchema(etree.fromstring(command("schema", "envelope").out.encode()))
    message = etree.fromstring(
        '<message xmlns="https://xml-pipeline.org/ns/envelope/v1">'
        "<meta><from>a</from><thread/></meta></message>"
    )
    assert schema.validate(message) == envelope_schema().validate(message)
    assert not schema.validate(etree.fromstring("<message/>"))


def test_schema_payload_is_found_by_its_name_or_its_listener(command: Command) -> None:
    by_tag = command("schema", "payload", "Say").out
    assert etree.XMLSchema(etree.fromstring(by_tag)).validate(
        etree.fromstring("<Say><text>a</text><times>2</times></Say>")
    )
    assert command("schema", "payload", "echo").out == by_tag
    assert command("schema", "payload", "Pair", "--json").json["required"] == ["left", "right"]


@pytest.mark.parametrize("payload", ["Say", "Pair", "Greeting"])
def test_schema_payload_gives_an_example_that_fits(command: Command, payload: str) -> None:
    schema = etree.XMLSchema(etree.fromstring(command("schema", "payload", payload).out))
    assert schema.validate(etree.fromstring(command("schema", "payload", payload, "--example").out))
    as_json = command("schema", "payload", payload, "--example", "--json").out
    assert isinstance(json.loads(as_json), dict)


def test_schema_payload_says_what_may_have_been_meant(command: Command) -> None:
    done = command("schema", "payload", "Greting")
    assert done.code == 2
    assert 'did you mean "Greeting"?' in done.err
