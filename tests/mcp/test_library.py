"""Prompts and resources of listeners, as MCP clients see them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import MCPError, types
from mcp.shared.subscriptions import ResourcesListChanged

from tests.mcp.shelf import keep
from tests.mcp.visitors import MODES, called, connected, greeters
from xml_pipeline import Listener
from xml_pipeline.mcp.payloads import ListResources, ReadResource

HEAD = """
organism: {name: shelf}
allow_imports: [tests, xml_pipeline]
listeners:
  - {name: client, description: Who called., handler: "mcp:client"}
"""
SHELF = f"""{HEAD}
  - {{name: shelf, description: Books., handler: tests.mcp.shelf:keep, expose: mcp}}
  - {{name: refuser, description: Lost., handler: tests.mcp.shelf:refuse, expose: mcp,
     peers: client}}
  - {{name: porter, description: Sends., handler: tests.mcp.shelf:send_to, expose: mcp,
     peers: client}}
"""
BROKEN = f"""{HEAD}
  - {{name: broken, description: Broken., handler: tests.mcp.shelf:break_down, expose: mcp}}
"""


@pytest.mark.parametrize("mode", MODES)
async def test_what_is_listed_is_what_the_protocol_knows(tmp_path: Path, mode: str) -> None:
    async with greeters(tmp_path, SHELF) as (_, url), connected(url, mode) as client:
        assert [each.uri for each in (await client.list_resources()).resources] == ["book://one"]
        (template,) = (await client.list_resource_templates()).resource_templates
        assert template.uri_template == "book://{title}"
        # Whoever only lists is not asked, so what asks is told that nobody answers.
        assert [each.name for each in (await client.list_prompts()).prompts] == ["cancel"]


@pytest.mark.parametrize("mode", MODES)
async def test_what_cannot_be_had_is_an_error_with_its_reason(tmp_path: Path, mode: str) -> None:
    async with greeters(tmp_path, SHELF) as (_, url), connected(url, mode) as client:
        with pytest.raises(MCPError, match="There is no prompt 'praise'"):
            await client.get_prompt("praise")
        with pytest.raises(MCPError, match="The prompt 'cancel': It is lost"):
            await client.get_prompt("cancel")
        with pytest.raises(MCPError) as refused:
            await client.read_resource("book://\x01")
        assert refused.value.code == types.INVALID_PARAMS


async def test_why_a_listener_has_no_list_is_its_own_business(tmp_path: Path) -> None:
    async with greeters(tmp_path, BROKEN) as (_, url), connected(url) as client:
        with pytest.raises(MCPError) as failed:
            await client.list_prompts()
        assert failed.value.code == types.INTERNAL_ERROR
        assert "secret" not in failed.value.message


@pytest.mark.parametrize(
    ("modes", "action"),
    [({}, "cancel"), ({"form": {}}, "cancel"), ({"url": {}}, "accept")],
    ids=["no-mode", "forms", "addresses"],
)
async def test_a_person_is_sent_elsewhere_only_by_a_client_that_can(
    tmp_path: Path, modes: dict[str, Any], action: str
) -> None:
    able = {"elicitation": modes}
    async with greeters(tmp_path, SHELF) as (_, url), httpx2.AsyncClient() as http:
        done = await called(http, url, "porter", able)
        if done["resultType"] == "input_required":
            asked = done["inputRequests"]["question"]["params"]
            assert (asked["mode"], asked["url"]) == ("url", "https://shelf.example/")
            gone = {"question": {"action": "accept"}}
            state = {"inputResponses": gone, "requestState": done["requestState"]}
            done = await called(http, url, "porter", able, **state)
        assert done["content"][0]["text"] == action


async def test_who_listens_is_told_that_there_are_other_resources(tmp_path: Path) -> None:
    async with (
        greeters(tmp_path, SHELF) as (running, url),
        connected(url) as client,
        client.listen(resources_list_changed=True) as changes,
    ):
        running.register(
            Listener(
                "more",
                (ListResources, ReadResource),
                keep,
                description="More.",
                expose=("mcp",),
            )
        )
        assert await anext(changes) == ResourcesListChanged()
