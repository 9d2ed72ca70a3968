"""What is said of a file that does not fit together: all of it, each with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.files import listener, listeners, load, problems_of
from xml_pipeline.config import KeyPath, OrganismConfig, RetryConfig, draft_config
from xml_pipeline.errors import ConfigError


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
        (
            "llm: {cascade: {enabled: true}}",
            "1:16: llm.cascade.tiers: are missing: a cascade that is enabled needs them",
        ),
        ("llm: {prices: {x: {input: -1, output: 2}}}",
         "1:27: llm.prices.x.input: must be at least 0"),
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
        ("backend: {retention: never}",
         "1:22: backend.retention: must be keep, prune, or days above zero"),
        ("backend: {retention: -1}",
         "1:22: backend.retention: must be keep, prune, or days above zero"),
        ("backend: {retention: true}",
         "1:22: backend.retention: must be keep, prune, or days above zero"),
        ("backend: {type: postgres}",
         '1:10: backend.dsn: is missing: a "postgres" backend needs it'),
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
        ({"handler": "~"}, 'handler: is missing; only an "agent: true" is handled by a model'),
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
        ({"retry": "{base_delay: 9, max_delay: 8}"}, "max_delay: is shorter than base_delay"),
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


def test_a_misspelt_key_is_read_as_the_one_that_was_meant(tmp_path: Path) -> None:
    text = """\
    budgt: {hop: 0}
    listenrs:
      - nmae: greeter
        descripton: Greets.
        handlr: os:system
        agnt: 1
        retri: {base_delai: 9, max_delay: 8}
      - name: shouter
        description: Shouts.
        handler: handlers.a:b
        peer: [greeter, nobody]
    """
    assert problems_of(tmp_path, text) == [
        '1:1: budgt: unknown key; did you mean "budget"?',
        '1:9: budget.hop: unknown key; did you mean "hops"?',
        "1:14: budget.hops: must be more than 0",
        '2:1: listenrs: unknown key; did you mean "listeners"?',
        '3:5: listeners[0].nmae: unknown key; did you mean "name"?',
        '4:5: listeners[0].descripton: unknown key; did you mean "description"?',
        '5:5: listeners[0].handlr: unknown key; did you mean "handler"?',
        '5:13: listeners[0].handler: "os:system" is not below handlers or organisms or'
        " xml_pipeline; a package of yours goes into `allow_imports`",
        '6:5: listeners[0].agnt: unknown key; did you mean "agent"?',
        "6:11: listeners[0].agent: must be true or false, not a number",
        '7:5: listeners[0].retri: unknown key; did you mean "retry"?',
        '7:13: listeners[0].retry.base_delai: unknown key; did you mean "base_delay"?',
        "7:39: listeners[0].retry.max_delay: is shorter than base_delay",
        '11:5: listeners[1].peer: unknown key; did you mean "peers"?',
        '11:21: listeners[1].peers[1]: there is no listener or group "nobody"',
    ]


def test_a_misspelt_key_takes_the_place_of_no_other(tmp_path: Path) -> None:
    text = "budget: {hops: 5, hop: 0, toke: 5, token: 0}"
    assert problems_of(tmp_path, text) == [
        '1:19: budget.hop: unknown key; did you mean "hops"?',
        '1:27: budget.toke: unknown key; did you mean "tokens"?',
        '1:36: budget.token: unknown key; did you mean "tokens"?',
    ]


def test_a_value_that_yaml_cannot_give_is_told_of_once_under_a_misspelt_key(
    tmp_path: Path,
) -> None:
    assert problems_of(tmp_path, "budget: {hop: 12:30}") == [
        '1:10: budget.hop: unknown key; did you mean "hops"?',
        '1:15: budget.hop: YAML 1.1 reads `12:30` as the number 750; write "12:30" or 750',
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("max_tokens_per_thread: 0", "1:24: max_tokens_per_thread: must be more than 0"),
        ("organism: {port: 70000}", "1:18: organism.port: must be at most 65535"),
    ],
)
def test_what_an_older_name_says_is_refused_once(tmp_path: Path, text: str, problem: str) -> None:
    assert problems_of(tmp_path, text) == [problem]


def test_two_names_that_differ_are_told_beside_other_mistakes(tmp_path: Path) -> None:
    text = """\
    organism: {port: 5, name: 3}
    server: {port: 6, bind: "::1"}
    budget: {tokens: 5, hops: 0}
    max_tokens_per_thread: 6
    """
    assert [each.split(";")[0] for each in problems_of(tmp_path, text)] == [
        "1:27: organism.name: must be text, not a number",
        "2:9: server: `port` differs from `organism.port`, its older name: write this only",
        "3:27: budget.hops: must be more than 0",
        "4:24: max_tokens_per_thread: differs from `budget.tokens`, its newer name: write that"
        " only",
    ]


def test_a_listener_that_may_be_an_agent_is_asked_for_no_handler(tmp_path: Path) -> None:
    told = problems_of(tmp_path, "listeners: [{name: a, description: b, agent: maybe}]")
    assert told == ["1:46: listeners[0].agent: must be true or false, not text"]


def test_imports_are_judged_by_what_can_be_read_of_the_allowed_packages(tmp_path: Path) -> None:
    text = "allow_imports: [handlers, 5]\npipeline: {delivery: [os:system]}"
    assert [each.partition("; ")[0] for each in problems_of(tmp_path, text)] == [
        "1:27: allow_imports[1]: must be text, not a number",
        '2:23: pipeline.delivery[0]: "os:system" is not below handlers',
    ]
    told = problems_of(tmp_path, text.replace("[handlers, 5]", "5"))
    assert told == ["1:16: allow_imports: must be a list, not a number"]


def test_a_file_with_problems_has_its_warnings_too(tmp_path: Path) -> None:
    text = listeners(
        listener(peers="[a, nobody]"), listener(name="b"), listener(name="c", timeout="0")
    )
    with pytest.raises(ConfigError) as refusal:
        load(tmp_path, text)
    assert len(refusal.value.problems) == 3
    assert [each.split(": ")[:2] for each in refusal.value.warnings] == [
        [f"{tmp_path / 'organism.yaml'}:{line}:12", f"listeners[{line - 2}].name"]
        for line in (3, 4)
    ]


def test_a_misspelt_peer_lists_whoever_was_meant(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(tmp_path, listeners(listener(peers="[shoutr]"), listener(name="shouter")))
    assert refusal.value.warnings == ()


def test_a_draft_has_what_can_be_read_and_defaults_for_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "organism.yaml"
    file.write_text(
        "organism: {nmae: known, port: x, identity: key.pem}\n"
        "budget: {hops: 0, tokens: 5}\n"
        "llm: {retry_base_delay: x, retry_max_delay: 0.5}\n"
        "trusted_keys: {ada: ada.pem, bob: 5}\n"
        "backend: {type: postgres}\n"
        "server: 5\n"
        "listeners: [5, {name: a, timeout: x, group: all}, {handler: handlers.a:b, retri: {}}]\n"
    )
    config = draft_config(file).config
    assert (config.organism.name, config.organism.identity) == ("known", "key.pem")
    assert (config.budget.hops, config.budget.tokens) == (50, 5)
    assert config.trusted_keys == {"ada": "ada.pem"}
    assert (config.backend, config.server, config.llm) == (
        OrganismConfig().backend, OrganismConfig().server, OrganismConfig().llm,
    )  # fmt: skip
    first, second = config.listeners
    assert (first.name, first.group, first.timeout) == ("a", "all", 30.0)
    assert (second.handler, second.retry) == ("handlers.a:b", RetryConfig())


@pytest.mark.parametrize("text", ["[a]", "5", "listeners: 5", "listeners: {a: b}", "a: b"])
def test_a_draft_of_anything_is_a_configuration(tmp_path: Path, text: str) -> None:
    file = tmp_path / "organism.yaml"
    file.write_text(text)
    assert draft_config(file).config == OrganismConfig()


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


def test_a_rule_about_a_tool_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    """Misspelt, it would deny nothing."""
    rules = "[{tool: wirter, action: deny}, {tool: 'w*', action: ask}, {tool: all, action: ask}]"
    text = listeners(listener(permissions=rules), listener(name="writer", group="all"))
    text += "\npermissions: [{tool: system.approval, action: deny}]"
    said = [each.partition(": ")[2] for each in problems_of(tmp_path, text)]
    assert said == [
        'listeners[0].permissions[0].tool: there is no listener "wirter" that could be called;'
        ' did you mean "writer"?',
        'listeners[0].permissions[2].tool: there is no listener "all" that could be called',
        'permissions[0].tool: there is no listener "system.approval" that could be called',
    ]


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
