"""Orders that walk: one listener sends each on to itself, step by step, and notes every step."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path
from textwrap import dedent

from tests.faults.disturbing import again_and_again, under_load
from tests.faults.processes import PATIENCE, looks_at
from tests.faults.several import Nodes

STEPS = 12

HANDLERS = '''
    """One who walks, and notes each step."""

    import os
    from dataclasses import dataclass
    from pathlib import Path

    from xml_pipeline import HandlerMetadata, HandlerResponse, xmlify

    FILE = Path(os.environ["EFFECTS"]) / "clerk"


    @xmlify
    @dataclass(frozen=True, slots=True)
    class Order:
        """Something that was ordered, and how far it is."""

        n: int
        step: int = 1


    async def desk(payload: Order, metadata: HandlerMetadata) -> HandlerResponse:
        file = os.open(FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, f"{payload.n} {payload.step} {metadata.attempt}\\n".encode())
        os.close(file)
        if payload.step == STEPS:
            return HandlerResponse.respond(payload)
        return HandlerResponse(Order(payload.n, payload.step + 1), to="desk")
'''


def let_orders_walk(folder: Path) -> None:
    """Replace the handlers of a project by one who walks."""
    text = dedent(HANDLERS).replace("STEPS", str(STEPS))
    (folder / "handlers" / "orders.py").write_text(text)
    file = folder / "organism.yaml"
    text = file.read_text()
    file.write_text(text[: text.index("  - name: smith")].replace("    peers: [smith]\n", ""))


def inversions(file: Path) -> list[int]:
    """Return the orders of which a step was taken before the one before it, or after a later one.

    A step may be taken again, by a node that does not know that another took it.
    """
    last: dict[int, int] = defaultdict(int)
    wrong = []
    for line in file.read_text().splitlines():
        n, step, _ = map(int, line.split())
        if step not in (last[n], last[n] + 1):
            wrong.append(n)
        last[n] = step
    return wrong


def finished(file: Path) -> set[int]:
    """Return the orders that have taken their last step."""
    lines = file.read_text().splitlines() if file.exists() else []
    steps = (line.split() for line in lines)
    return {int(n) for n, step, _ in steps if int(step) == STEPS}


async def walk(nodes: Nodes, folder: Path, *, times: int, every: int) -> set[int]:
    """Let orders walk over two nodes, one of which is killed and replaced now and then.

    Returns those that were acknowledged, once all of them have taken their last step.
    """
    let_orders_walk(folder)
    for _ in range(2):
        await nodes.start()

    async def replace_one(number: int) -> None:
        await nodes.start()
        await nodes.kill(nodes.living[0])

    async with under_load(nodes, folder) as disturbance:
        await again_and_again(disturbance, times, every, replace_one)
    walked, sent = folder / "effects" / "clerk", disturbance.load.outcomes
    acknowledged = {n for n, outcome in sent.items() if outcome == "ok"}
    watching = looks_at(walked.parent)
    async with asyncio.timeout(PATIENCE):
        while not acknowledged <= finished(walked):
            await anext(watching)
    await watching.aclose()
    return acknowledged
