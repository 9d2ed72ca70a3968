"""What is said of a file that does not fit together: all of it, each with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.files import listener, listeners, load, problems_of
from xml_pipeline.config import KeyPath


def test_every_problem_is_reported_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """\
    organism: {nmae: hello}
    on: true
    max_concurrent_handlers: many
    budget: {hops: 0, hops: 1, usd: "${NO_SUCH_VARIABLE}"}
    listeners:
      - name: greeter
        payload_class: handlers.hello:Greeting
        handler: os:system
        peers: [shoutr]
        timeout: soon
      - name: shouter
        description: Says it louder.
        handler: tools:shell
      - name: Shouter
        description: Too.
        agent: 1
    """
    assert problems_of(tmp_path, text) == [
        '1:12: organism.nmae: unknown key; did you mean "name"?',
        '2:1: YAML 1.1 reads the key `on` as true; put it in quotes: "on"',
        "3:26: max_concurrent_handlers: must be a whole number, not text",
        "4:16: budget.hops: must be more than 0",
        '4:19: "hops" is written twice; the first is in line 4',
        "4:33: budget.usd: not set in the environment: NO_SUCH_VARIABLE;"
        " export it, or write `${NO_SUCH_VARIABLE:-default}`",
        "6:5: listeners[0].description: is missing",
        '8:14: listeners[0].handler: "os:system" is not below handlers or organisms or'
        " xml_pipeline; a package of yours goes into `allow_imports`",
        '9:13: listeners[0].peers[0]: there is no listener or group "shoutr";'
        ' did you mean "shouter"?',
        "10:14: listeners[0].timeout: must be a number, not text",
        '14:11: listeners[2].name: "Shouter" is already the listener of line 11',
        "16:12: listeners[2].agent: must be true or false, not a number",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("budgt: {}", '1:1: budgt: unknown key; did you mean "budget"?'),
        ("zzz: 1", "1:1: zzz: unknown key"),
        ("budget: {token: 1}", '1:10: budget.token: unknown key; did you mean "tokens"?'),
        (
            "llm: {backends: [{provider: a, key: b}]}",
            '1:32: llm.backends[0].key: unknown key; did you mean "api_key"?',
        ),
        ("budget: 5", "1:9: budget: must be a section of `key: value` lines, not a number"),
        ("listeners: {a: b}", "1:12: listeners: must be a list, not a section"),
        ("listeners:\n- 5", "2:3: listeners[0]: must be a section of `key: value` lines,"
         " not a number"),
        ("trusted_keys: [a]", "1:15: trusted_keys: must be a section of `key: value` lines,"
         " not a list"),
        ("server: {port: 70000}", "1:16: server.port: must be at most 65535"),
        ("llm: {retries: -1}", "1:16: llm.retries: must be at least 0"),
        ("max_concurrent_handlers: 2.5",
         "1:26: max_concurrent_handlers: must be a whole number, not a number"),
        ("budget: {seconds: .inf}", "1:19: budget.seconds: must be a finite number"),
        ("server: {bind: ' '}", "1:16: server.bind: must say something"),
        (
            "thread_scheduling: breadth",
            "1:20: thread_scheduling: must be 'breadth-first' or 'depth-first';"
            ' did you mean "breadth-first"?',
        ),
        ("backend: {type: postgres}", '1:10: backend: a "postgres" backend needs "dsn"'),
        (
            "budget: {tokens: 5}\nmax_tokens_per_thread: 6",
            "2:24: max_tokens_per_thread: differs from `budget.tokens`, its newer name:"
            " write that only",
        ),
        ('allow_imports: ["a b"]', '1:17: allow_imports[0]: "a b" is not an import path:'
         ' "a b" is not an identifier'),
        ("require_signature: true", "1:20: require_signature: nobody outside could be heard:"
         " `trusted_keys` names no sender"),
    ],
)  # fmt: skip
def test_a_wrong_key_or_value_is_explained_in_plain_words(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert problems_of(tmp_path, text) == [problem]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "system.todo"}, 'name: "system.todo" is reserved'),
        ({"name": "a b"}, 'name: "a b" is not a name'),
        ({"name": "' '"}, 'name: " " is not a name'),
        ({"description": "' '"}, "description: must say something"),
        ({"description": ""}, "description: is missing"),
        ({"handler": "greet"}, 'handler: "greet" is not an import path'),
        ({"handler": "5"}, "handler: must be text, not a number"),
        ({"handler": "pkg.__loader__"}, "internal to Python"),
        ({"handler": "builtins:eval"}, 'handler: "builtins:eval" is not below'),
        ({"handler": "handlersx.a:b"}, 'handler: "handlersx.a:b" is not below'),
        ({"handler": "subprocess:run"}, 'handler: "subprocess:run" is not below'),
        ({"handler": "tools:Shell"}, 'handler: "Shell" is not a plug-in name'),
        ({"handler": "~"}, 'needs a "handler"'),
        ({"payload_class": "5"}, "payload_class: must be a list, not a number"),
        ({"payload_class": "[handlers.a:B, tools:B]"}, 'payload_class[1]: "tools:B" is not below'),
        ({"output_class": "os.path"}, 'output_class: "os:path" is not below'),
        ({"output": "handlers.a:B"}, 'output: unknown key; did you mean "output_class"?'),
        ({"peers": "[nobody]"}, 'peers[0]: there is no listener or group "nobody"'),
        ({"peers": "nobody"}, 'peers: there is no listener or group "nobody"'),
        ({"peers": "[todo]"}, 'did you mean "system.todo"?'),
        ({"peers": "[system.nothing]"}, 'there is no listener or group "system.nothing"'),
        ({"group": "greeter"}, 'group: the group "greeter" is also the listener of line 2'),
        ({"group": "system"}, 'group: "system" is reserved'),
        ({"timeout": "0"}, "timeout: must be more than 0"),
        ({"retry": "{base_delay: 9, max_delay: 8}"}, "base_delay is longer than max_delay"),
        ({"require_signature": "true"}, "nobody outside could be heard"),
    ],
)
def test_a_wrong_listener_is_explained(
    tmp_path: Path, changes: dict[str, str], problem: str
) -> None:
    found = problems_of(tmp_path, listeners(listener(**changes)))
    assert any(problem in each and each.startswith("2:") for each in found)


def test_names_that_differ_only_in_capitals_are_the_same_name(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, listeners(listener(), listener(name="Greeter")))
    assert problems == ['3:12: listeners[1].name: "Greeter" is already the listener of line 2']


@pytest.mark.parametrize(
    "peer", ["b", "all", '"*"', "system.todo", "system.todo-complete", "system.sequence.factory"]
)
def test_a_peer_is_a_listener_a_group_a_primitive_or_anyone(tmp_path: Path, peer: str) -> None:
    text = listeners(listener(peers=f"[{peer}]"), listener(name="b", group="all"))
    assert load(tmp_path, text).config.listeners[0].peers == (peer.strip('"'),)


def test_steps_lie_below_the_allowed_packages_too(tmp_path: Path) -> None:
    text = "pipeline: {envelope: [handlers.a:b, os:system], delivery: [a:b]}"
    assert [each.partition(" is")[0] for each in problems_of(tmp_path, text)] == [
        '1:37: pipeline.envelope[1]: "os:system"',
        '1:60: pipeline.delivery[0]: "a:b"',
    ]


def test_the_allowed_packages_are_those_of_the_file(tmp_path: Path) -> None:
    right = "allow_imports: [mine.agents]\n" + listeners(
        listener(handler="mine.agents.a:b", payload_class="mine.agents:B")
    )
    assert load(tmp_path, right).config.allow_imports == ("mine.agents",)
    (problem, _) = problems_of(tmp_path, "allow_imports: [mine]\n" + listeners(listener()))
    assert '"handlers.a:Greeting" is not below mine' in problem
    (problem, _) = problems_of(tmp_path, "allow_imports: []\n" + listeners(listener()))
    assert "is not below any package" in problem


def test_keys_to_check_signatures_with_make_them_required(tmp_path: Path) -> None:
    config = load(tmp_path, "require_signature: true\ntrusted_keys: {ada: ada.pem}").config
    assert config.require_signature


def test_a_listener_that_nobody_lists_is_a_warning(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        listeners(
            listener(peers="[b]"),
            listener(name="b"),
            listener(name="c"),
            listener(name="d", broadcast="true"),
            listener(name="e", agent="true"),
        ),
    )
    file = tmp_path / "organism.yaml"
    assert loaded.warnings == (
        f"{file}:4:12: listeners[2].name: nobody lists it as a peer: only senders outside can"
        " reach it",
    )


@pytest.mark.parametrize("peers", ["[]", '["*"]', "[b, all]"])
def test_a_listener_that_is_meant_to_be_reached_is_none(tmp_path: Path, peers: str) -> None:
    text = listeners(listener(peers=peers), listener(name="b"), listener(name="c", group="all"))
    assert load(tmp_path, text).warnings == ()


def test_a_peer_that_is_listed_for_nothing_is_a_warning(tmp_path: Path) -> None:
    text = listeners(listener(name="a", peers="[a, system.todo, system.todo]"))
    file = tmp_path / "organism.yaml"
    assert load(tmp_path, text).warnings == (
        f"{file}:2:108: listeners[0].peers[0]: every listener may address itself: no need to"
        " list it",
        f'{file}:2:124: listeners[0].peers[2]: "system.todo" is listed twice',
    )


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("listeners", 0, "peers", 1), "4:18: listeners[0].peers[1]"),
        (("listeners", 0, "handler"), "2:5: listeners[0].handler"),
        (("listeners", 7), "2:3: listeners[7]"),
        (("backend", "type"), "1:1: backend.type"),
        ((), "1:1"),
    ],
)
def test_whoever_finds_a_later_problem_can_say_where_it_is(
    tmp_path: Path, path: KeyPath, place: str
) -> None:
    source = load(
        tmp_path,
        'listeners:\n  - name: a\n    description: b\n    peers: ["*", a]\n    agent: true',
    ).source
    expected = f"{tmp_path / 'organism.yaml'}:{place}: it is so; do this"
    assert source.problem(path, "it is so", hint="do this") == expected
