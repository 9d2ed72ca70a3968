"""Who did what to an organism is written down before it takes effect, or it does not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.assembly.projects import GREETER, Project, greeter, organism, project
from tests.audit.logs import actions, entries, full_disk, state, told
from tests.flows.mutations import envelope
from tests.flows.payloads import Result, Task
from tests.flows.watching import Watch, settled
from xml_pipeline.audit.checking import check
from xml_pipeline.audit.places import head_of
from xml_pipeline.errors import AuditFailed, BudgetExhausted, HandlerFailed, UnknownThread
from xml_pipeline.listener import HandlerResponse
from xml_pipeline.organism import Organism
from xml_pipeline.steps.rail import Inserts
from xml_pipeline.testing import Probe, memory_organism, respond

__all__ = ["project", "state"]

pytestmark = pytest.mark.usefixtures("state")


def patient() -> Probe:
    """Return a listener that owes its answer."""
    return Probe("worker", Task, lambda *_: HandlerResponse.defer(within=10_000))


def audited(log: Path, *probes: Probe, **config: Any) -> Organism:
    return memory_organism(*probes, audit={"path": str(log)}, **config)


async def waiting_thread(organism: Organism) -> str:
    thread = await organism.send("worker", Task("x"))
    await organism.drain()
    return thread


async def test_an_organism_tells_that_it_starts_and_stops_and_who_may_address_whom(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    async with audited(log, Probe("boss", Task, peers=("worker",)), patient()):
        [(actor, start)] = told(log, "start")
        assert actor == "program"
        assert start["listeners"]["boss"] == ["worker"]
    assert actions(log) == ["start", "stop"]
    assert check(log, head_of(log)).findings == []


async def test_every_order_is_written_down_with_whoever_gave_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    other = Probe("other", Task, peers=("worker",))
    async with audited(log, patient()) as organism:
        first, second = [await waiting_thread(organism) for _ in range(2)]
        organism.kill(first, by="ada")
        organism.answer(second, Result("done"), by="bob")
        organism.pause("worker", by="ada")
        organism.resume("worker", by="bob")
        organism.register(other.listener, by="ada")
        organism.unregister("other", by="bob")
        organism.kill_all(by="ada")
        organism.kill_all(listener="worker", tenant="t", by="bob")
    assert [(each["actor"], each["action"], each["what"]) for each in entries(log)[1:-1]] == [
        ("ada", "kill", {"thread": first, "caller": "outside", "callee": "worker"}),
        ("bob", "answer", {"thread": second, "for": "worker", "payload": "Result"}),
        ("ada", "pause", {"listener": "worker"}),
        ("bob", "resume", {"listener": "worker"}),
        ("ada", "register", {"added": {"other": ["worker"]}}),
        ("bob", "unregister", {"removed": ["other"]}),
        ("ada", "kill_all", {}),
        ("bob", "kill_all", {"listener": "worker", "tenant": "t"}),
    ]


ORDERS: dict[str, Callable[[Organism, str], object]] = {
    "kill": lambda organism, thread: organism.kill(thread),
    "kill_all": lambda organism, thread: organism.kill_all(),
    "kill_all of a listener": lambda organism, thread: organism.kill_all(listener="worker"),
    "answer": lambda organism, thread: organism.answer(thread, Result("x")),
    "pause": lambda organism, thread: organism.pause("worker"),
    "resume": lambda organism, thread: organism.resume("paused"),
    "register": lambda organism, thread: organism.register(Probe("new", Task).listener),
    "unregister": lambda organism, thread: organism.unregister("worker"),
    "reconfigure": lambda organism, thread: organism.reconfigure(
        organism.config, [], Inserts()
    ),
}  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
async def test_an_order_that_cannot_be_written_down_is_not_carried_out(
    tmp_path: Path, order: str, caplog: pytest.LogCaptureFixture
) -> None:
    log = tmp_path / "log"
    async with audited(log, patient(), Probe("paused", Task)) as organism:
        organism.pause("paused")
        thread = await waiting_thread(organism)
        before = _state(organism)
        with full_disk(), pytest.raises(AuditFailed):
            ORDERS[order](organism, thread)
        assert _state(organism) == before
        assert "audit log cannot be written" in caplog.text
        ORDERS[order](organism, thread)
        await settled(organism)
        assert _state(organism) != before
    assert check(log, head_of(log)).findings == []


def _state(organism: Organism) -> Any:
    lanes = [organism.kernel.scheduler.lane(each) for each in organism.listeners]
    paused = [each.paused for each in lanes]
    return [each.name for each in organism.listeners], paused, len(organism.kernel.threads)


async def test_an_order_that_makes_no_sense_is_not_written_down(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with audited(log, patient()) as organism:
        with pytest.raises(UnknownThread):
            organism.kill("nothing")
        with pytest.raises(UnknownThread):
            organism.answer("nothing", Result("x"))
    assert actions(log) == ["start", "stop"]


# ── What messages attempt ───────────────────────────────────────────────────────────────


async def test_whoever_uses_the_name_of_another_is_written_down(tmp_path: Path) -> None:
    log, worker = tmp_path / "log", Probe("worker", Task)
    async with audited(log, worker) as organism:
        forged = organism.accept(envelope("worker", sender="system"), "mallory").id
        organism.accept(envelope("worker", sender="mallory"), "mallory")
        await settled(organism)
    assert told(log, "sender_overwritten") == [("mallory", {"claimed": "system", "thread": forged})]
    assert len(worker.seen) == 2


async def test_a_pretence_that_cannot_be_written_down_goes_no_further(tmp_path: Path) -> None:
    worker = Probe("worker", Task)
    async with audited(tmp_path / "log", worker) as organism:
        watch = Watch(organism)
        with full_disk():
            organism.accept(envelope("worker", sender="system"), "mallory")
            organism.accept(envelope("worker", sender="mallory"), "mallory")
            await settled(organism)
    assert len(worker.seen) == 1
    assert [each.code for each in watch.faults] == ["internal"]


async def test_a_signature_that_is_refused_is_written_down(tmp_path: Path) -> None:
    log, worker = tmp_path / "log", Probe("worker", Task, require_signature=True)
    async with audited(log, worker) as organism:
        watch = Watch(organism)
        organism.accept(envelope("worker", sender="mallory"), "mallory")
        await settled(organism)
    [(actor, what)] = told(log, "signature_refused")
    assert (actor, what["to"], what["fault"]) == ("mallory", "worker", watch.faults[0].id)
    assert "worker requires one" in what["why"]


async def test_a_refusal_that_cannot_be_written_down_is_a_refusal_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    worker = Probe("worker", Task, require_signature=True)
    async with audited(tmp_path / "log", worker) as organism:
        with full_disk():
            organism.accept(envelope("worker", sender="mallory"), "mallory")
            await settled(organism)
    assert worker.seen == []
    assert "not in the audit log: signature_refused of mallory" in caplog.text


async def test_a_loop_that_the_hop_limit_ends_is_written_down(tmp_path: Path) -> None:
    """R13, S18: two that answer each other for ever."""
    log = tmp_path / "log"
    ping = Probe("ping", Task, lambda task, _: HandlerResponse(task, to="pong"), peers=("pong",))
    pong = Probe("pong", Task, lambda task, _: HandlerResponse(task, to="ping"), peers=("ping",))
    async with audited(log, ping, pong, budget={"hops": 10}) as organism:
        with pytest.raises(BudgetExhausted):
            await organism.ask("ping", Task("x"))
    [(actor, what)] = told(log, "budget_exhausted")
    assert actor in ("ping", "pong")
    assert what["why"] == "more than 10 hops deep"


async def test_a_conversation_that_has_spent_its_tokens_is_written_down(tmp_path: Path) -> None:
    log = tmp_path / "log"

    def spend(task: Task, metadata: Any) -> Any:
        metadata.budget.reserve(tokens=1_000)

    async with audited(log, Probe("worker", Task, spend), budget={"tokens": 10}) as organism:
        with pytest.raises(BudgetExhausted):
            await organism.ask("worker", Task("x"))
    [(actor, what)] = told(log, "budget_exhausted")
    assert (actor, what["to"]) == ("outside", "worker")


class Veto:
    """A hook that lets nothing happen."""

    async def on_intent(self, *_: object) -> object:
        raise PermissionError("not today")

    async def on_dispatched(self, entry: object) -> None: ...
    async def on_acknowledged(self, entry: object) -> None: ...
    async def on_failed(self, entry: object, error: str) -> None: ...
    async def on_thread_complete(self, thread_id: str) -> None: ...


async def test_the_veto_of_a_hook_is_written_down(tmp_path: Path) -> None:
    log, worker = tmp_path / "log", Probe("worker", Task, lambda task, _: respond(task))
    async with audited(log, worker) as organism:
        organism.hooks.append(Veto())
        with pytest.raises(HandlerFailed):
            await organism.ask("worker", Task("x"))
    [(actor, what)] = told(log, "hook_vetoed")
    assert (actor, what["to"], what["why"]) == (
        "outside",
        "worker",
        "PermissionError: not today",
    )
    assert worker.seen == []


# ── Files ───────────────────────────────────────────────────────────────────────────────


def write(project: Project, *listeners: str, **settings: str) -> None:
    if not (project.root / "handlers").exists():
        project.write("handlers/greeter.py", greeter("Hello"))
    project.write("organism.yaml", organism(*listeners, audit="{path: log}", **settings))


def named(name: str, **more: str) -> str:
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    return GREETER.replace("name: greeter,", f"name: {name},").replace("}", f"{extra}}}")


async def test_a_reload_tells_who_comes_and_goes_and_gains_and_loses_peers(
    project: Project,
) -> None:
    """S25."""
    log = project.root / "log"
    write(project, named("a", peers="[b]"), named("b"), named("c", peers="[a]"))
    async with Organism.load(project.file) as running:
        write(
            project,
            named("a", peers="[c]"),
            named("c", peers="[a]", timeout="7"),
            named("d", peers='["*"]'),
            budget="{tokens: 5}",
        )
        assert (await running.reload(by="ada")).applied
        write(project, "{}")
        assert not (await running.reload(by="bob")).applied
    assert told(log, "reload") == [
        (
            "ada",
            {
                "added": {"d": ["*"]},
                "removed": ["b"],
                "changed": ["a", "c"],
                "peers": {"a": {"added": ["c"], "removed": ["b"]}},
                "settings": ["budget"],
            },
        )
    ]
    [(actor, what)] = told(log, "reload_refused")
    assert (actor, "organism.yaml:" in what["why"]) == ("bob", True)


async def test_a_reload_that_cannot_be_written_down_changes_nothing(project: Project) -> None:
    write(project, named("a"), named("b"))
    async with Organism.load(project.file) as running:
        write(project, named("a", peers="[b]"), named("b"))
        with full_disk():
            event = await running.reload()
        assert not event.applied
        assert "audit log" in event.problems[0]
        assert running.kernel.listeners.get("a").peers == ()
        assert (await running.reload()).applied
        assert running.kernel.listeners.get("a").peers == ("b",)


async def test_another_place_for_the_log_takes_effect_at_the_next_start(project: Project) -> None:
    write(project, named("a"))
    async with Organism.load(project.file) as running:
        project.write("organism.yaml", organism(named("a"), audit="{path: elsewhere}"))
        event = await running.reload()
        assert "audit: takes effect at the next start" in event.needs_restart[0]
    assert not (project.root / "elsewhere").exists()


async def test_an_organism_whose_log_cannot_be_written_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AuditFailed):
        async with audited(tmp_path / "file" / "log", patient()):
            pytest.fail("it started")


async def test_two_organisms_do_not_share_a_log(tmp_path: Path) -> None:
    async with audited(tmp_path / "log", patient()):
        with pytest.raises(AuditFailed, match="give each its own"):
            async with audited(tmp_path / "log", patient()):
                pytest.fail("it started")


async def test_without_a_path_or_with_the_log_switched_off_there_is_none(
    tmp_path: Path,
) -> None:
    for audit in ({}, {"path": str(tmp_path / "log"), "enabled": False}):
        async with memory_organism(patient(), audit=audit) as organism:
            organism.kill_all()
    assert os.listdir(tmp_path) == []
