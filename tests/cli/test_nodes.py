"""`nodes` shows who shares the work."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Command

pytestmark = pytest.mark.usefixtures("organism")


def test_nodes_shows_a_process_that_is_alone_as_holding_everything(command: Command) -> None:
    (node,) = command("nodes", "--json").json
    assert node["this"]
    assert len(node["shards"]) == 64
    shown = command("nodes").out
    assert f"{node['host']}:{node['pid']}" in shown
    assert "(this)" in shown
