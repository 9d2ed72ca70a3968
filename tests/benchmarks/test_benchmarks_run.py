"""Each benchmark runs at a tiny size and prints its figures; how good they are is no test's affair.

A time that is asserted fails on somebody's machine one day.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks.floor import BALL, Ball, envelope, floor
from benchmarks.pump import CASES
from tests.house.source import ROOT
from tests.services.redis_server import RedisServer
from xml_pipeline.payload import codec_of
from xml_pipeline.steps.seal import seal
from xml_pipeline.tools.sandbox.offered import offered

pytestmark = pytest.mark.no_cover  # What measures is not measured.

BENCH = all(map(find_spec, ("autogen_core", "langgraph", "pydantic_ai", "pydantic_graph")))
TINY = ("--scale", "0.002")


def run(script: str, *arguments: str) -> str:
    command = [sys.executable, str(ROOT / "benchmarks" / script), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def figures(script: str, *arguments: str) -> Any:
    return json.loads(run(script, "--json", *arguments))


def test_the_measured_envelope_has_470_bytes_and_six_fields() -> None:
    assert len(envelope()) == 470
    assert len(codec_of(Ball).write(BALL).split("</")) == 6 + 2


def test_the_floor_answers_with_what_our_own_writer_would_write() -> None:
    thread = "0b6d6a3e-92d0-4a6f-8c0e-5a1f0e8f7d21"
    assert floor()(envelope()) == seal(codec_of(Ball), BALL, "pong", "ping", thread)


def test_the_pump_is_measured_in_every_case_against_the_floor_of_the_same_run() -> None:
    report = figures("pump.py", "--rounds", "1", *TINY)
    assert [case["name"] for case in report["cases"]] == [case.name for case in CASES]
    assert report["floor_us"] > 0
    assert all(case["us"] > 0 and case["ratio"] > 0 for case in report["cases"])


def test_the_pump_prints_a_row_for_the_floor_and_for_each_case() -> None:
    printed = run("pump.py", "--rounds", "1", *TINY, "--only", "rally-1").splitlines()
    assert "the floor (470 bytes)" in printed[1]
    assert "ping-pong, 1 in flight" in printed[2]
    assert "gc.freeze()" in printed[3]


@pytest.mark.parametrize("case", ["idle-hop", "broadcast"])
def test_a_profile_names_the_functions_that_cost(case: str) -> None:
    assert "envelope.py" in run("pump.py", "--profile", case, *TINY)


def test_memory_is_measured_for_what_waits_and_for_what_has_finished() -> None:
    waiting, finished = figures("memory.py", *TINY)
    assert waiting["about"] == "200 conversations waiting"
    assert finished["about"] == "2,000 messages later"
    assert all(isinstance(growth["mib"], float) for growth in (waiting, finished))


def test_memory_prints_what_each_may_cost() -> None:
    printed = run("memory.py", *TINY).splitlines()
    assert [line.split()[-1] for line in printed[1:]] == ["150", "20"]


def test_startup_is_measured_against_a_bare_interpreter() -> None:
    bare, shown, moved = figures("startup.py", "--rounds", "1")
    assert bare["ratio"] == 1.0
    assert shown["about"] == "python -m xml_pipeline --help"
    assert shown["seconds"] > 0
    assert moved["about"] == "python -m xml_pipeline run, first message"
    assert moved["seconds"] > shown["seconds"]


def test_offloading_is_measured_against_a_bare_process_pool() -> None:
    report = figures("offload.py", "--rounds", "1", "--jobs", "4")
    assert report["ratio"] == report["jobs_per_second"] / report["bare_jobs_per_second"]
    assert report["late_p99_ms"] >= report["late_p50_ms"] > 0


def test_offloading_is_measured_over_redis_too(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as redis:
        report = figures("offload.py", "--rounds", "1", "--jobs", "4", "--redis", redis.url)
    assert report["ratio"] > 0


def test_offloading_prints_what_is_to_be_reached() -> None:
    printed = run("offload.py", "--rounds", "1", "--jobs", "4").splitlines()
    assert printed[2].endswith("at least 0.85")
    assert printed[4].endswith("at most 3.0")


def test_a_journal_is_measured_against_the_floor() -> None:
    report = figures("durable.py", "--rounds", "1", *TINY)
    assert [case["most"] for case in report["cases"]] == [None, 4.0, 10.0, None, 6.0, None, None]
    assert all(case["us"] > 0 and case["ratio"] > 0 for case in report["cases"])


def test_two_nodes_are_measured_against_one() -> None:
    printed = run("nodes.py", "--rounds", "1", "--strokes", "2").splitlines()
    assert [line.split()[:2] for line in printed[:2]] == [["one", "node"], ["two", "nodes"]]
    assert printed[1].endswith("at least 1.7")


def test_tools_are_measured_against_what_they_do_without_an_organism() -> None:
    rows = figures("tools.py", "--rounds", "1", *TINY)
    processes = ["command", "handler"] if offered().best else []
    assert [row["name"] for row in rows] == ["calculate", "read", *processes, "mcp"]
    assert all(row["ratio"] > 0 for row in rows)
    assert rows[-1]["most"] == 1.3


@pytest.mark.skipif(offered().best is None, reason="nothing encloses commands here")
def test_an_obedient_agent_is_told_of_in_a_table_with_its_sums() -> None:
    *_, refused, effects, honest = run("obedient.py", "--count", "2").splitlines()
    assert refused == "2 of 2 attempts refused; 0 ran without an effect; 0 had one"
    assert effects.endswith("of 2 had an effect where nothing stood against it")
    assert honest == "2 of 2 honest tasks were done all the same"


@pytest.mark.parametrize("fault", ["R1", "R19"])
def test_a_fault_is_brought_about_and_told_with_its_outcome(fault: str) -> None:
    [row] = figures("faults.py", "--only", fault, "--scale", "0.002")
    assert row["id"] == fault
    assert row["holds"] is True
    assert row["found"].startswith("0 ")


@pytest.mark.skipif(not BENCH, reason="the extra `bench` is not installed")
def test_every_peer_is_measured_in_both_games() -> None:
    games = figures("peers.py", "--rounds", "1", *TINY)
    assert {game: len(best) for game, best in games.items()} == {"ping-pong": 6, "fan-out to 10": 6}
    for best in games.values():
        assert next(iter(best)) == "xml-pipeline"
        assert all(us > 0 for us in best.values())


@pytest.mark.skipif(not BENCH, reason="the extra `bench` is not installed")
def test_agents_of_every_library_are_measured_on_the_same_run() -> None:
    figures_by_number = figures("agents.py", "--rounds", "1", *TINY)
    assert set(figures_by_number) == {"1", "100"}
    for best in figures_by_number.values():
        assert list(best) == ["xml-pipeline", "pydantic-ai", "langgraph"]
        assert all(us > 0 for us in best.values())


def test_a_crowd_of_agents_is_measured_beside_its_requests_alone() -> None:
    found = figures("crowd.py", "--rounds", "1", "--scale", "0.01")
    assert found["ideal"] == 0.4
    assert found["floor"] >= found["ideal"]
    assert found["ours"] >= found["ideal"]
    assert found["kib"] > 0


def test_the_journal_of_an_agent_grows_with_what_is_said() -> None:
    found = figures("growth.py", "--scale", "0.1")
    assert [turns for turns, _, _ in found] == [5, 10, 20]
    assert all(written > said > 0 for _, said, written in found)
