"""Agents elsewhere as listeners, on every wire, with a stream and without."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.a2a_client.house import WIRES, organism, served
from xml_pipeline.a2a.payloads import A2aAnswer, A2aMessage


@pytest.mark.parametrize("streaming", [True, False], ids=["streaming", "asked"])
@pytest.mark.parametrize("wire", WIRES)
async def test_a_message_goes_out_and_its_answer_comes_back(
    tmp_path: Path, wire: str, streaming: bool
) -> None:
    async with served(wire, streaming=streaming) as there:
        parrot = {"url": there.url, "poll": 0.05}
        async with organism(tmp_path, parrot=parrot) as running:
            answer = await running.ask("parrot", A2aMessage("Hello!"))
    assert isinstance(answer, A2aAnswer)
    assert (answer.state, answer.text) == ("completed", "Hello!")
    (heard,) = there.parrot.heard
    assert heard.message_id
    assert (answer.context, answer.task) == (heard.context_id, heard.task_id)
