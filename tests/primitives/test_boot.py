"""The boot message is logged, and heard by everybody who listens for it."""

from __future__ import annotations

import logging

import pytest

from tests.primitives.parts import assert_nothing_is_left
from xml_pipeline.primitives import Boot
from xml_pipeline.testing import Probe, memory_organism


async def test_the_boot_message_is_logged_and_heard_by_whoever_listens(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "xml_pipeline.primitives")
    other = Probe("other", Boot, broadcast=True)
    async with memory_organism(other, organism={"name": "tiny"}) as organism:
        await organism.boot()
        await assert_nothing_is_left(organism)
        [boot] = other.payloads
        assert (boot.organism_name, boot.listener_count) == ("tiny", len(organism.listeners))
    [line] = [each for each in caplog.records if each.name == "xml_pipeline.primitives.boot"]
    assert line.getMessage() == f"tiny has started with {boot.listener_count} listeners"
    assert (vars(line)["organism"], vars(line)["listeners"]) == ("tiny", boot.listener_count)
