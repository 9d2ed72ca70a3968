"""`threads show` tells a conversation as a tree, and knows those of before a restart."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Command
from tests.cli.shell import Shell
from xml_pipeline.backends import Past, PastConversation
from xml_pipeline.cli.story import Node, print_tree, tree_of
from xml_pipeline.journal.reading import read


def test_a_tree_tells_who_said_what_to_whom_and_how_long_it_took(
    shell: Shell, command: Command
) -> None:
    with shell.organism_running():
        thread = command("ask", "greeter", "Eve", "--json").json["thread"]
    with shell.organism_running():
        assert thread not in command("threads").out
        listed = command("threads", "--all")
        assert thread in listed.out
        told = command("threads", "show", thread).out.splitlines()
        as_json = command("threads", "show", thread, "--json").json
    at = next(n for n, line in enumerate(told) if f"conversation {thread}" in line)
    tree = told[at:]
    assert tree[0].endswith(" ms")
    assert tree[1].startswith("  http:operator → greeter  <Greeting><name>Eve</name></Greeting>  (")
    assert tree[2].startswith("  greeter → shouter  ")
    assert tree[3].startswith("  shouter → greeter  ")
    assert tree[4] == "  greeter → http:operator  <Greeted><text>HELLO, EVE!</text></Greeted>"
    assert [each["attempts"] for each in as_json["deliveries"]] == [1, 1, 1]
    assert as_json["faults"] == []


LOG = b"""\
c\tann\t""\t0
m\t1\tinject\tsealed\tann\tc1\t0\t1\t0\t-\t-\t6
<a><b>
a\t1\tc1\tsmith
s\t1\tc1\t1\t0
y\t1\tc1\t12.0
s\t1\tc1\t2\t0
t\tt2\tc1\tsmith\thelper\t2
m\t2\tsend\tsealed\tsmith\tc1\t0\t2\t1\t"helper"\t-\t3
<x>
a\t2\tt2\thelper
f\tf1\thandler\t"helper"\t"smith"\t""
"""


def test_what_has_not_ended_is_told_as_far_as_it_went(capsys: pytest.CaptureFixture[str]) -> None:
    story = read(PastConversation("c1", 10.0, None, (Past(10.0, LOG),)))
    print_tree(tree_of(story, "c1"))
    told = capsys.readouterr().out.splitlines()
    assert told[0].endswith("conversation c1  ann → smith  active")
    assert told[1:] == [
        "  ann → smith  <a><b>  (not settled, 2 attempts)",
        "  smith → helper  <x>  (never handed over)",
        "  helper → smith  fault f1 (handler)",
    ]


def test_on_a_terminal_the_tree_is_drawn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    print_tree(Node(0.0, "top", [Node(1.0, "one", [Node(2.0, "two")]), Node(3.0, "\x1bthree")]))
    drawn = capsys.readouterr().out.splitlines()
    assert [line.rstrip() for line in drawn] == ["top", "├── one", "│   └── two", r"└── \x1bthree"]
