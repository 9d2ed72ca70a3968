"""An organism to be killed: tells the processes that it has started, one of them busy for ever."""

from __future__ import annotations

import asyncio
import sys

from tests.dispatch.crafts import Order
from tests.dispatch.pooled import all_ready, lines_of, workshop


async def live() -> None:
    """Start two workers, keep one of them busy, and wait for the end."""
    with lines_of("crafts") as lines:
        async with workshop(workers=2, long_after=3_600.0) as organism:  # Nobody is added.
            await all_ready(organism)
            await organism.send("crafter", Order("loop"))
            await lines.next("loops")
            pids = [str(worker.pid) for worker in organism.kernel.offload.pool.workers]
            sys.stdout.write(f"{' '.join(pids)}\n")
            sys.stdout.flush()
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(live())
