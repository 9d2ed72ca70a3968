"""Runs the tests that prove something, and says what came of each."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from benchmarks.breaking.proofs import Proof
from tests.house.source import ROOT

_VERBOSELY = ("-n0", "-v", "--tb=no", "--no-cov", "-p", "no:cacheprovider")
_CAME = re.compile(r"(tests/\S+?::\w+).* (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b")

Outcomes = Mapping[str, Counter[str]]
"""How often each test passed, or whatever else became of it, its parameters taken together."""


def outcomes(proofs: Collection[Proof]) -> Outcomes:
    """Run all tests of some proofs, each once."""
    came: dict[str, Counter[str]] = defaultdict(Counter)
    tests = sorted({test for proof in proofs for test in proof.tests})
    if tests:
        command = (sys.executable, "-m", "pytest", *_VERBOSELY, *tests)
        done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
        for line in done.stdout.splitlines():
            if said := _CAME.match(line):
                came[said[1]][said[2].lower()] += 1
    return came


def verdict(proof: Proof, outcomes: Outcomes) -> tuple[str, str]:
    """Return what was found, and the verdict on it."""
    if not proof.tests:
        return "", f"not built: {proof.missing}"
    came = sum((outcomes.get(test, Counter(missing=1)) for test in proof.tests), Counter[str]())
    found = ", ".join(f"{number} {outcome}" for outcome, number in sorted(came.items()))
    word = "holds" if set(came) == {"passed"} else "BROKEN"
    if set(came) == {"passed", "skipped"}:
        word = "holds as far as it ran"
    return found, f"{word}; not built: {proof.missing}" if proof.missing else word


def names(tests: Sequence[str]) -> str:
    """Name tests shortly: each file once."""
    files: dict[str, list[str]] = defaultdict(list)
    for test in tests:
        file, _, name = test.partition("::")
        files[file].append(name)
    return "; ".join(f"{file}: {', '.join(named)}" for file, named in files.items())
