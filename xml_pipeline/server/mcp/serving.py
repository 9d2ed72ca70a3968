"""What MCP clients ask, answered by the organism."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from mcp import MCPError, types
from mcp.server import NotificationOptions, Server
from mcp.server.models import InitializationOptions

from xml_pipeline.errors import InvalidPayload, Unanswered
from xml_pipeline.listener import Listener
from xml_pipeline.mcp.payloads import GetPrompt, ListPrompts, ListResources, ReadResource
from xml_pipeline.message import Delivery
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.mcp.answers import failed, result_of, unanswered
from xml_pipeline.server.mcp.behind import Behind
from xml_pipeline.server.mcp.calls import Calls
from xml_pipeline.server.mcp.changes import Changes
from xml_pipeline.server.mcp.completion import completed, question_about
from xml_pipeline.server.mcp.exposed import Exposed, tools
from xml_pipeline.server.mcp.lasting import Context, set_level
from xml_pipeline.server.mcp.library import Library, filled, no_resource, read
from xml_pipeline.server.mcp.ongoing import Aim
from xml_pipeline.server.mcp.tasks import EXTENSION, TaskParams, Tasks, UpdateParams


class Clients:
    """Answers MCP clients."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._tasks = Tasks()
        self._calls = Calls(desk, self._tasks)
        self._changes = Changes(desk, Behind(self._listeners, self._calls.ask))
        self._library = Library(self._listeners, self._calls.ask)

    def server(self) -> Server[Any]:
        """Return the SDK's server, which calls us."""
        server = _Server(
            self._desk.organism.config.organism.name,
            version="0.1.0",
            lifespan=self._alive,
            on_subscriptions_listen=self._changes.listen,
            on_list_tools=self.list_tools,
            on_call_tool=self.call_tool,
            on_list_prompts=self.list_prompts,
            on_get_prompt=self.get_prompt,
            on_list_resources=self.list_resources,
            on_list_resource_templates=self.list_templates,
            on_subscribe_resource=self._changes.subscribe,
            on_unsubscribe_resource=self._changes.unsubscribe,
            on_read_resource=self.read_resource,
            on_completion=self.complete,
        )
        server.library = self._library
        server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, set_level)
        greeted = ("notifications/initialized", types.NotificationParams, self._changes.greet)
        server.add_notification_handler(*greeted)
        server.add_request_handler("tasks/get", TaskParams, self._tasks.get)
        server.add_request_handler("tasks/update", UpdateParams, self._tasks.update)
        server.add_request_handler("tasks/cancel", TaskParams, self._tasks.cancel)
        server.extensions[EXTENSION] = {}
        return server

    def _listeners(self) -> tuple[Listener, ...]:
        return self._desk.organism.listeners

    @asynccontextmanager
    async def _alive(self, server: Server[Any]) -> AsyncIterator[None]:
        """Tell of changes, and have tasks, while the server lives."""
        async with self._changes.told():
            try:
                yield
            finally:
                await self._tasks.close()

    async def list_tools(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        """List every listener that is exposed."""
        found = tools(self._desk.organism.listeners).values()
        return types.ListToolsResult(tools=[each.definition() for each in found])

    async def call_tool(self, context: Context, params: types.CallToolRequestParams) -> Any:
        """Ask a listener; or go on with a call that waits."""
        method, name = "tools/call", params.name
        if params.request_state is not None:
            return await self._calls.resume(context, method, name, params)
        tool = tools(self._desk.organism.listeners).get(name)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, f"There is no tool {name!r}.")
        try:
            payload = tool.codec.from_json(params.arguments or {})
        except InvalidPayload as error:
            return failed(f"The arguments do not fit: {error}")
        aim = Aim(method, name, tool.listener, partial(_result, tool))
        return await self._calls.begin(context, aim, payload, params)

    async def list_prompts(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        """List the prompts of every listener that has some."""
        return types.ListPromptsResult(prompts=await self._library.prompts())

    async def get_prompt(self, context: Context, params: types.GetPromptRequestParams) -> Any:
        """Give a prompt, filled in."""
        method, name = "prompts/get", params.name
        if params.request_state is not None:
            return await self._calls.resume(context, method, name, params)
        listener, prompt = await self._library.prompt(name)
        aim = Aim(method, name, listener, partial(filled, prompt))
        payload = GetPrompt(name, params.arguments or {})
        return await self._calls.begin(context, aim, payload, params)

    async def list_resources(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        """List the resources of every listener that has some."""
        return types.ListResourcesResult(resources=await self._library.resources())

    async def list_templates(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        """List the patterns that resources have."""
        found = await self._library.templates()
        return types.ListResourceTemplatesResult(resource_templates=found)

    async def read_resource(self, context: Context, params: types.ReadResourceRequestParams) -> Any:
        """Give what is in a resource, of the first listener that has it."""
        method, uri = "resources/read", params.uri
        if params.request_state is not None:
            found = await self._calls.resume(context, method, uri, params)
            if found is None:
                raise no_resource(uri)
            return found
        for listener in self._library.readers():
            aim = Aim(method, uri, listener, read)
            found = await self._calls.begin(context, aim, ReadResource(uri), params)
            if found is not None:
                return found
        raise no_resource(uri)

    async def complete(
        self, context: Context, params: types.CompleteRequestParams
    ) -> types.CompleteResult:
        """Tell how an argument may go on."""
        return completed(await self._library.completions(question_about(params)))


class _Server(Server[Any]):
    """The SDK's server, which says what it has at present, and that it tells of changes."""

    library: Library

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        """Return what a client of the older wire is told when it is greeted."""
        return super().create_initialization_options(
            notification_options or NotificationOptions(True, True, True),
            experimental_capabilities,
            extensions or {},  # There are none of them on that wire.
        )

    def get_capabilities(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
        *,
        protocol_version: str | None = None,
    ) -> types.ServerCapabilities:
        """Return what there is: prompts only where somebody is exposed who has some."""
        found = super().get_capabilities(
            notification_options,
            experimental_capabilities,
            extensions,
            protocol_version=protocol_version,
        )
        prompts, resources = self.library.has(ListPrompts), self.library.has(ListResources)
        left_out: dict[str, None] = {} if prompts else {"prompts": None}
        left_out |= {} if resources else {"resources": None}
        left_out |= {} if prompts or resources else {"completions": None}
        return found.model_copy(update=left_out)


def _result(tool: Exposed, answer: asyncio.Future[Delivery]) -> types.CallToolResult:
    try:
        said = answer.result().payload
    except Unanswered as error:
        return unanswered(error)
    return result_of(said, structured=tool.output_schema() is not None)
