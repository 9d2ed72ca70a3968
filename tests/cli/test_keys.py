"""`keygen` and `sign`, and what an organism that requires signatures makes of it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from lxml import etree

from tests.cli.conftest import Command
from tests.cli.shell import Shell
from tests.identity.parts import NAMESPACE
from xml_pipeline.identity.form import PARTS, moment_of
from xml_pipeline.identity.keys import private_key, public_key

SAY = (
    f'<message xmlns="{NAMESPACE}"><meta><from>whoever</from><to>echo</to><thread/></meta>'
    '<Say xmlns=""><text>hello</text></Say></message>\n'
)


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_keygen_writes_a_pair_and_says_what_to_do_with_it(shell: Shell, command: Command) -> None:
    made = command("keygen", "alice.pem")
    private, public = shell.directory / "alice.pem", shell.directory / "alice.pub.pem"
    assert (made.code, made.out) == (0, "alice.pem\nalice.pub.pem\n")
    assert "`trusted_keys: {alice: alice.pub.pem}`" in made.err
    assert "`organism: {identity: alice.pem}`" in made.err
    assert (mode(private), mode(public) & 0o133) == (0o600, 0)
    assert private_key(private).public.pem() == public_key(public).pem()


@pytest.mark.parametrize("there", ["alice.pem", "alice.pub.pem"])
def test_keygen_overwrites_nothing(shell: Shell, command: Command, there: str) -> None:
    shell.write(there, "mine")
    refused = command("keygen", "alice.pem")
    assert refused.code == 2
    assert f"{there} is there already" in refused.err
    assert sorted(each.name for each in shell.directory.glob("alice*")) == [there]
    assert (shell.directory / there).read_text() == "mine"


def test_keygen_follows_no_link(shell: Shell, command: Command) -> None:
    (shell.directory / "alice.pem").symlink_to("elsewhere.pem")
    assert command("keygen", "alice.pem").code == 2
    assert not (shell.directory / "elsewhere.pem").exists()


def test_keygen_says_where_it_cannot_write(command: Command) -> None:
    refused = command("keygen", "nowhere/alice.pem")
    assert refused.code == 2
    assert "nowhere/alice.pub.pem: No such file or directory" in refused.err


def test_sign_prints_each_envelope_signed(shell: Shell, command: Command) -> None:
    command("keygen")
    shell.write("two.xml", SAY + SAY)
    signed = command("sign", "two.xml", "--key", "identity.pem", "--sender", "alice",
                     "--valid-for", "60")  # fmt: skip
    assert signed.code == 0
    roots = [etree.fromstring(line) for line in signed.out.splitlines()]
    assert len(roots) == 2
    for root in roots:
        assert root[0][0].text == "alice"
        times = [moment_of(root[0].findtext(part) or "") for part in PARTS[1:3]]
        assert None not in times
        assert times[1] == pytest.approx((times[0] or 0.0) + 60, abs=0.001)


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("say.xml",), "Missing option '--key'", 2),
        (("say.xml", "--key", "none.pem"), "none.pem", 2),
        (("say.xml", "--key", "identity.pub.pem"), "identity.pub.pem", 2),
        (("none.xml", "--key", "identity.pem"), "none.xml: No such file", 2),
        (("say.xml", "--key", "identity.pem", "--sender", "a b"), "is no sender's name", 2),
        (("say.xml", "--key", "identity.pem", "--valid-for", "3601"), "--valid-for", 2),
        (("say.xml", "--key", "identity.pem", "--valid-for", "0"), "--valid-for", 2),
        (("bad.xml", "--key", "identity.pem"), "bad.xml:2: envelope", 1),
    ],
)
def test_sign_says_what_is_wrong(
    shell: Shell, command: Command, arguments: tuple[str, ...], words: str, code: int
) -> None:
    command("keygen")
    shell.write("say.xml", SAY)
    shell.write("bad.xml", f"{SAY}<message/>\n")
    refused = command("sign", *arguments)
    assert refused.code == code
    assert words in refused.err


def test_what_alice_signs_is_let_in_once_and_nothing_else_is(
    shell: Shell, command: Command
) -> None:
    command("keygen", "config/alice.pem")
    command("keygen", "config/house.pem")
    shell.write("say.xml", SAY)
    rules = "require_signature: true\ntrusted_keys: {alice: alice.pub.pem}\n"
    shell.organism.write_text(rules + shell.organism.read_text())
    sign = ("sign", "-", "--key", "config/alice.pem", "--sender", "alice")
    with shell.organism_running():
        unsigned = command("inject", "say.xml", "--wait", "20")
        assert unsigned.code == 1
        assert "is not signed, or its signature does not count here" in unsigned.err
        for _ in range(30):  # What is signed in its first two seconds it does not believe.
            signed = shell.run(*sign, stdin=SAY.encode()).out.encode()
            answered = shell.run("inject", "-", "--wait", "20", "--json", stdin=signed)
            if answered.code == 0:
                break
        [said] = answered.json_lines
        assert (said["fate"], said["payload"]) == ("answered", {"text": "hello", "times": 1})
        again = shell.run("inject", "-", "--wait", "20", stdin=signed)
        assert again.code == 1
        asked = command("ask", "echo", "hello")
        assert (asked.code, "is not signed" in asked.err) == (1, True)
    with shell.organism_running():
        assert shell.run("inject", "-", "--wait", "20", stdin=signed).code == 1


def test_an_organism_whose_key_cannot_be_used_does_not_run(shell: Shell, command: Command) -> None:
    command("keygen", "config/house.pem")
    (shell.directory / "config" / "house.pem").chmod(0o644)
    text = shell.organism.read_text()
    shell.organism.write_text(text.replace("organism:\n", "organism:\n  identity: house.pem\n", 1))
    for order in ("run", "check"):
        refused = shell.run(order)
        assert refused.code == 2
        assert ":13: organism.identity: the key" in refused.out + refused.err
