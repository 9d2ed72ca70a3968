"""What MCP clients ask, answered by the organism.

The rule this file guards: a call is a message like any other from outside, with the same sender,
checks and budgets; whoever stops waiting for it stops the work.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp import MCPError, types
from mcp.server import Server, ServerRequestContext
from mcp.types.version import MODERN_PROTOCOL_VERSIONS

from xml_pipeline.errors import InvalidPayload, Unanswered
from xml_pipeline.events import AgentEvent, Event, ToolProgress
from xml_pipeline.listener import Listener
from xml_pipeline.mcp.payloads import GetPrompt, ReadResource
from xml_pipeline.message import Delivery
from xml_pipeline.payload import codec_of
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.exchange import Exchange
from xml_pipeline.server.mcp.answers import failed, result_of, unanswered
from xml_pipeline.server.mcp.exposed import Exposed, tools
from xml_pipeline.server.mcp.library import Library
from xml_pipeline.server.mcp.ongoing import KEY, Ongoing, Waiting
from xml_pipeline.server.mcp.questions import is_able, none_of, put, response_of
from xml_pipeline.server.problems import Problem
from xml_pipeline.steps.seal import seal

Context = ServerRequestContext[Any, Any]


class Clients:
    """Answers MCP clients."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._waiting = Waiting(desk)
        self._library = Library(lambda: desk.organism.listeners, self._read)

    def server(self) -> Server[Any]:
        """Return the SDK's server, which calls us."""
        prompts, resources = self._library.has(GetPrompt), self._library.has(ReadResource)
        return Server(
            self._desk.organism.config.organism.name,
            version="0.1.0",
            on_list_tools=self.list_tools,
            on_call_tool=self.call_tool,
            on_list_prompts=self.list_prompts if prompts else None,
            on_get_prompt=self.get_prompt if prompts else None,
            on_list_resources=self.list_resources if resources else None,
            on_list_resource_templates=self.list_templates if resources else None,
            on_read_resource=self.read_resource if resources else None,
        )

    async def list_tools(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        """List every listener that is exposed."""
        found = tools(self._desk.organism.listeners).values()
        return types.ListToolsResult(tools=[each.definition() for each in found])

    async def call_tool(
        self, context: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        """Ask a listener, and tell of its progress meanwhile; or go on with a call that waits."""
        if params.request_state is not None:
            call, question = self._waiting.taken(params.request_state, params.name)
            given = (params.input_responses or {}).get(KEY)
            if given is None:
                return self._waiting.left(call, question)
            call.reply(question, response_of(given))
            return await self._run(context, call)
        tool = tools(self._desk.organism.listeners).get(params.name)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, f"There is no tool {params.name!r}.")
        try:
            payload = tool.codec.from_json(params.arguments or {})
        except InvalidPayload as error:
            return failed(f"The arguments do not fit: {error}")
        exchange = self._submitted(tool.listener, payload)
        return await self._run(context, Ongoing(self._desk, tool, exchange))

    async def _run(
        self, context: Context, call: Ongoing
    ) -> types.CallToolResult | types.InputRequiredResult:
        """Wait for the answer to a call, or for what it asks of the client meanwhile."""
        async with self._telling(context, call.tool, call.exchange):
            try:
                while question := await call.question():
                    if not is_able(context, question.request):
                        call.reply(question, none_of(question.request))
                    elif context.protocol_version in MODERN_PROTOCOL_VERSIONS:
                        return self._waiting.left(call, question)
                    else:
                        call.reply(question, await put(context, question.request))
            except asyncio.CancelledError:
                call.close()
                self._desk.abandon(call.exchange)
                raise
        call.close()
        try:
            answer = call.exchange.answer.result()
        except Unanswered as error:
            return unanswered(error)
        return result_of(answer.payload, structured=call.tool.output_schema() is not None)

    async def list_prompts(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        """List the prompts of every listener that has some."""
        return types.ListPromptsResult(prompts=await self._library.prompts())

    async def get_prompt(
        self, context: Context, params: types.GetPromptRequestParams
    ) -> types.GetPromptResult:
        """Give a prompt, filled in."""
        return await self._library.prompt(params.name, params.arguments or {})

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

    async def read_resource(
        self, context: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        """Give what is in a resource."""
        return await self._library.resource(params.uri)

    async def _read(self, listener: Listener, payload: Any) -> Any:
        exchange = self._submitted(listener, payload)
        try:
            return (await self._answer(exchange)).payload
        except Unanswered as error:
            raise MCPError(types.INTERNAL_ERROR, str(error)) from None

    def _submitted(self, listener: Listener, payload: Any) -> Exchange:
        sender, codec = self._desk.sender, codec_of(type(payload))
        try:
            return self._desk.submit(seal(codec, payload, sender, listener.name, ""))
        except Problem as problem:
            raise MCPError(types.INTERNAL_ERROR, str(problem)) from None

    async def _answer(self, exchange: Exchange) -> Delivery:
        try:
            await asyncio.wait((exchange.answer,))
        except asyncio.CancelledError:
            self._desk.abandon(exchange)
            raise
        return exchange.answer.result()

    @asynccontextmanager
    async def _telling(
        self, context: Context, tool: Exposed, exchange: Exchange
    ) -> AsyncIterator[None]:
        """Tell the client how far a call has come, if it wants to know."""
        if not context.meta or "progress_token" not in context.meta:
            yield
            return
        news: asyncio.Queue[Event | None] = asyncio.Queue()
        conversation = exchange.thread.conversation.id

        def hear(event: Event) -> None:
            if isinstance(event, ToolProgress | AgentEvent):
                is_ours = event.conversation_id == conversation
                who = event.listener if isinstance(event, ToolProgress) else event.agent
                if is_ours and who == tool.listener.name:
                    news.put_nowait(event)

        leave = self._desk.organism.subscribe(hear)
        telling = asyncio.create_task(_tell(context, news))
        try:
            yield
        finally:
            leave()
            news.put_nowait(None)
            await telling


async def _tell(context: Context, news: asyncio.Queue[Event | None]) -> None:
    steps = 0
    while event := await news.get():
        if isinstance(event, ToolProgress):
            about = (event.progress, event.total, event.message or None)
            await context.session.report_progress(*about)
        elif isinstance(event, AgentEvent):
            steps += 1
            await context.session.report_progress(steps, None, event.step.replace("_", " "))
