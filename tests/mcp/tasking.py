"""An MCP client's side of tasks: it has the handle, and asks for what has come of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from mcp import Client, types
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from pydantic import ConfigDict

from xml_pipeline.server.mcp.tasks import EXTENSION, TaskParams, UpdateParams


class Task(types.Result):
    """A task as it is on the wire, with whatever else is said of it."""

    model_config = ConfigDict(extra="allow")
    result_type: Literal["task"] = "task"


class Said(types.Result):
    """What is said of a task later on."""

    model_config = ConfigDict(extra="allow")


class Tasks(ClientExtension):
    """Takes tasks in place of results, and hands them on as they are."""

    identifier = EXTENSION

    def claims(self) -> Sequence[ResultClaim[Any]]:
        async def never(task: Task, context: ClaimContext) -> types.CallToolResult:
            raise AssertionError("these tests call with `allow_claimed`")

        return (ResultClaim(result_type="task", model=Task, resolve=never),)


class GetTask(types.Request[TaskParams, Literal["tasks/get"]]):
    method: Literal["tasks/get"] = "tasks/get"
    name_param = "taskId"


class CancelTask(types.Request[TaskParams, Literal["tasks/cancel"]]):
    method: Literal["tasks/cancel"] = "tasks/cancel"
    name_param = "taskId"


class UpdateTask(types.Request[UpdateParams, Literal["tasks/update"]]):
    method: Literal["tasks/update"] = "tasks/update"
    name_param = "taskId"


async def called(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool, and return the task, or the result, on the wire."""
    said = await client.session.call_tool(
        tool, arguments, allow_claimed=True, allow_input_required=True
    )
    return said.model_dump(by_alias=True, mode="json")


async def got(client: Client, task: str) -> dict[str, Any]:
    """Return what is said of a task."""
    return await _asked(client, GetTask(params=TaskParams(task_id=task)))


async def ended(client: Client, task: str) -> dict[str, Any]:
    """Return what is said of a task as soon as nothing more happens in it."""
    while (said := await got(client, task))["status"] == "working":
        pass
    return said


async def cancelled(client: Client, task: str) -> dict[str, Any]:
    """Cancel a task."""
    return await _asked(client, CancelTask(params=TaskParams(task_id=task)))


async def updated(client: Client, task: str, **responses: Any) -> dict[str, Any]:
    """Answer questions of a task."""
    answers = {
        key: each.model_dump(by_alias=True, mode="json", exclude_none=True)
        for key, each in responses.items()
    }
    params = UpdateParams(task_id=task, input_responses=answers)
    return await _asked(client, UpdateTask(params=params))


async def _asked(client: Client, request: Any) -> dict[str, Any]:
    said = await client.session.send_request(request, Said)
    return said.model_dump(by_alias=True, mode="json")
