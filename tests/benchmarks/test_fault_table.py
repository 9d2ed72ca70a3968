"""The table of faults is whole: every number has its row, and every test that is named exists."""

from __future__ import annotations

from benchmarks.breaking.proofs import SECURITY
from benchmarks.breaking.reference import REFERENCE
from benchmarks.breaking.running_tests import verdict
from benchmarks.faults import FAULTS, PROOFS, Row
from tests.house.source import collected_tests, python_sources


def test_every_fault_requirement_and_error_of_old_has_its_row() -> None:
    assert [each.id for each in FAULTS] == [f"R{number}" for number in range(1, 26)]
    assert [each.id for each in SECURITY] == [f"S{number}" for number in range(1, 27)]
    assert {each.id for each in REFERENCE} == {f"C{number}" for number in range(1, 27)}


def test_every_row_names_a_test_or_says_what_is_not_built() -> None:
    assert [each.id for each in PROOFS if not (each.tests or each.missing)] == []


def test_every_test_that_is_named_exists() -> None:
    there = {
        f"{source.path}::{test.name}"
        for source in python_sources()
        for test in collected_tests(source)
    }
    assert [test for each in PROOFS for test in each.tests if test not in there] == []


def test_what_did_not_run_or_did_not_pass_is_no_proof() -> None:
    first = PROOFS[0]
    assert verdict(first, {}) == ("3 missing", "BROKEN")


def test_a_row_is_one_line_of_a_table() -> None:
    row = Row("R1", "killed", "nothing lost", "1 kill", "0 lost", "holds", holds=True, seconds=1.4)
    assert str(row) == "| R1 | killed | nothing lost | 1 kill | 0 lost | holds | 1 |"
