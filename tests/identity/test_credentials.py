"""The keys that a file names: found beside it, read at once, and every problem in its place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.assembly.projects import GREETER, Project, greeter, organism, project
from tests.identity.parts import ALICE, BOB, envelope, key_files
from xml_pipeline.config import OrganismConfig
from xml_pipeline.errors import ConfigError, Undeliverable
from xml_pipeline.identity.nonces import Nonces
from xml_pipeline.identity.signing import Signer
from xml_pipeline.organism import Organism

__all__ = ["project"]

GREETING = '<Greeting xmlns=""><name>Ada</name></Greeting>'
WHOEVER, REFUSED = "Hello, Ada!", "not signed"


def write(project: Project, listener: str = GREETER, **settings: str) -> None:
    """Write a project with the keys of alice and of bob beside its file."""
    if not (project.root / "handlers").exists():
        project.write("handlers/greeter.py", greeter("Hello"))
    project.write("organism.yaml", organism(listener, **settings))
    for name, key in {"alice": ALICE, "bob": BOB}.items():
        key_files(project.root, name, key)


def loaded(project: Project) -> Organism:
    organism = Organism.load(project.file)
    organism.kernel.signatures.remember_in(Nonces(since=0.0))
    return organism


async def said(organism: Organism, raw: bytes) -> str:
    """Return what became of an envelope: its answer, or the words of its refusal."""
    thread = organism.accept(raw, "http:operator")
    try:
        return str((await organism.waiter(thread)).payload.text)
    except Undeliverable as error:
        return str(error)


def signed(name: str = "alice", key: str = "") -> bytes:
    sign = Signer({"alice": ALICE, "bob": BOB}[key or name])
    return sign(envelope(name, "greeter", GREETING))


async def test_keys_lie_beside_the_file_that_names_them(project: Project) -> None:
    write(project, trusted_keys="{alice: alice.pub.pem}", require_signature="true")
    async with loaded(project) as running:
        assert await said(running, signed("alice")) == WHOEVER
        for raw in (signed("alice", key="bob"), signed("bob"), envelope("alice", "greeter")):
            assert REFUSED in await said(running, raw)


async def test_without_keys_nothing_signed_is_passed_over(project: Project) -> None:
    write(project)
    async with loaded(project) as running:
        assert REFUSED in await said(running, signed("alice"))
        assert await said(running, envelope("alice", "greeter", GREETING)) == WHOEVER


async def test_a_reload_brings_keys_and_takes_them_away(project: Project) -> None:
    write(project, trusted_keys="{alice: alice.pub.pem}")
    async with loaded(project) as running:
        assert await said(running, signed("alice")) == WHOEVER
        assert REFUSED in await said(running, signed("bob"))
        write(project, trusted_keys="{bob: bob.pub.pem}", require_signature="true")
        assert (await running.reload()).applied
        assert REFUSED in await said(running, signed("alice"))
        assert await said(running, signed("bob")) == WHOEVER
        assert REFUSED in await said(running, envelope("bob", "greeter", GREETING))


async def test_a_key_that_was_changed_in_its_file_counts_from_the_reload_on(
    project: Project,
) -> None:
    write(project, trusted_keys="{alice: alice.pub.pem}")
    async with loaded(project) as running:
        shutil.copy(project.root / "bob.pub.pem", project.root / "alice.pub.pem")
        assert await said(running, signed("alice")) == WHOEVER
        assert (await running.reload()).applied
        assert REFUSED in await said(running, signed("alice"))
        assert await said(running, signed("alice", key="bob")) == WHOEVER


async def test_what_was_heard_before_a_reload_is_not_heard_again_after_it(
    project: Project,
) -> None:
    write(project, trusted_keys="{alice: alice.pub.pem}")
    raw = signed("alice")
    async with loaded(project) as running:
        assert await said(running, raw) == WHOEVER
        write(project, trusted_keys="{}")
        await running.reload()
        write(project, trusted_keys="{alice: alice.pub.pem}")
        await running.reload()
        assert REFUSED in await said(running, raw)


async def test_a_listener_may_begin_to_require_signatures(project: Project) -> None:
    write(project, trusted_keys="{alice: alice.pub.pem}")
    async with loaded(project) as running:
        assert await said(running, envelope("alice", "greeter", GREETING)) == WHOEVER
        strict = GREETER.replace("}", ", require_signature: true}")
        write(project, strict, trusted_keys="{alice: alice.pub.pem}")
        event = await running.reload()
        assert (event.applied, event.changed) == (True, ("greeter",))
        assert REFUSED in await said(running, envelope("alice", "greeter", GREETING))
        assert await said(running, signed("alice")) == WHOEVER


async def test_a_reload_with_a_key_that_cannot_be_read_changes_nothing(project: Project) -> None:
    write(project, trusted_keys="{alice: alice.pub.pem}", require_signature="true")
    async with loaded(project) as running:
        write(project, trusted_keys="{alice: none.pem}")
        event = await running.reload()
        assert not event.applied
        assert "No such file" in event.problems[0]
        assert REFUSED in await said(running, envelope("alice", "greeter", GREETING))
        assert await said(running, signed("alice")) == WHOEVER


def test_every_problem_with_a_key_has_its_place(project: Project) -> None:
    write(
        project,
        organism="{identity: alice.pub.pem}",
        trusted_keys='{"a b": alice.pub.pem, greeter: bob.pub.pem, system.x: bob.pub.pem,'
        " carol: none.pem, dave: bob.pem}",
    )
    (project.root / "alice.pub.pem").chmod(0o600)
    at = f"{project.root}/"
    assert [each.replace(at, "") for each in project.problems()] == [
        '1:22: organism.identity: the key "alice.pub.pem" is no private key in PEM',
        "2:23: trusted_keys.a b: is no sender's name: [\\w.:@/+\\-]{1,200}",
        "2:47: trusted_keys.greeter: nobody outside may have the name of somebody inside",
        "2:70: trusted_keys.system.x: nobody outside may have the name of somebody inside",
        '2:90: trusted_keys.carol: the key "none.pem" cannot be read: No such file or directory',
        '2:106: trusted_keys.dave: the key "bob.pem" is no public key in PEM',
    ]


@pytest.mark.parametrize("mode", [0o644, 0o640])
def test_an_organism_whose_own_key_others_can_read_does_not_start(
    project: Project, mode: int
) -> None:
    write(project, organism="{identity: alice.pem}")
    (project.root / "alice.pem").chmod(mode)
    [problem] = project.problems()
    assert f"chmod 600 {project.root / 'alice.pem'}" in problem


def test_an_organism_of_a_program_names_its_keys_likewise(tmp_path: Path) -> None:
    _, public = key_files(tmp_path, "alice", ALICE)
    config = OrganismConfig(require_signature=True, trusted_keys={"alice": str(public)})
    assert Organism(config=config).kernel.signatures.sign is None
    for broken in (
        OrganismConfig(trusted_keys={"alice": str(tmp_path / "none.pem")}),
        OrganismConfig(require_signature=True),
        OrganismConfig.model_validate({"organism": {"identity": str(public)}}),
    ):
        with pytest.raises(ConfigError):
            Organism(config=broken)
