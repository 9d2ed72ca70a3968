"""Connections that a reload has no use for are closed, whoever still uses one being served."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import anyio
import pytest

from tests.mcp.house import STDIO, asked, organism, written
from xml_pipeline import Organism


async def process(running: Organism) -> int:
    """Return which process the toolbox is; its connection is left open."""
    return int((await running.ask("box.process", asked(running, "box.process"))).text)


def is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_program_that_the_file_names_no_more_is_ended_by_the_reload(tmp_path: Path) -> None:
    async with organism(tmp_path, box=STDIO) as running:
        before = await process(running)
        assert is_there(before)
        written(tmp_path)
        assert (await running.reload()).applied
        assert not is_there(before)


async def test_a_connection_that_stays_as_it_is_stays_open(tmp_path: Path) -> None:
    async with organism(tmp_path, box=STDIO) as running:
        before = await process(running)
        sums = {"name": "sums", "description": "Calculates.", "handler": "tools:calculate"}
        written(tmp_path, sums, box=STDIO)
        assert (await running.reload()).added == ("sums",)
        assert await process(running) == before


@pytest.mark.parametrize("stays", [True, False], ids=["set otherwise", "named no more"])
async def test_a_call_under_way_is_answered_before_its_connection_is_closed(
    tmp_path: Path, stays: bool
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    async with organism(tmp_path, box=STDIO) as running:
        before = await process(running)
        hearing = asyncio.create_task(
            running.ask("box.hear", asked(running, "box.hear", pipe=str(pipe)))
        )
        async with await anyio.open_file(pipe, "w") as said:  # As soon as the tool listens.
            written(tmp_path, **({"box": {**STDIO, "timeout": 50.0}} if stays else {}))
            assert (await running.reload()).applied
            assert is_there(before)
            await said.write("well?")
        assert (await hearing).text == "well?"
        assert not is_there(before)
        assert not stays or await process(running) != before
