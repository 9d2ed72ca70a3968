"""Calls whose clients come back for the answer: tasks, an extension of the newer wire (SEP-2663).

The rule this file guards: a task is a conversation, under whose id it is known; it is stopped only
when its client says so, and can be asked about for as long as it was promised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mcp import MCPError, types
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from pydantic import Field

from xml_pipeline.errors import Unanswered
from xml_pipeline.events import AgentEvent, ToolProgress
from xml_pipeline.server.mcp.lasting import Context, is_modern
from xml_pipeline.server.mcp.ongoing import Aim, News, Ongoing
from xml_pipeline.server.mcp.questions import Question, is_able, none_of, read_response, unable

EXTENSION = "io.modelcontextprotocol/tasks"

LATE = 2.0
"""Seconds after which a client need not wait any longer, if its listener comes back late."""

KEPT = 3_600.0
"""Seconds for which the outcome can be asked for, from when it is there."""

MOST = 1_000
"""Tasks at one time; whoever calls then waits, as if there were none."""

ABLE = types.ClientCapabilities(extensions={EXTENSION: {}})


class TaskParams(types.RequestParams):
    """Which task is meant."""

    task_id: str = Field(alias="taskId")


class UpdateParams(TaskParams):
    """What a client answers to the questions of a task."""

    input_responses: dict[str, Any] = Field(default={}, alias="inputResponses")


class Tasks:
    """The tasks of one server."""

    def __init__(self) -> None:
        self._tasks: dict[str, _Task] = {}

    def patience(self, context: Context, aim: Aim) -> float | None:
        """Return for how many seconds a client waits before it is to come back; None for ever.

        MCPError where its listener wants clients that come back, and this one cannot.
        """
        way = aim.listener.come_back
        if aim.method != "tools/call" or way == "never":
            return None
        able = is_modern(context) and context.session.check_client_capability(ABLE)
        if way == "required" and not able:
            raise _unable()
        if not able or len(self._tasks) >= MOST:
            return None
        return LATE if way == "late" else 0.0

    def begun(self, context: Context, call: Ongoing) -> dict[str, Any]:
        """Send a client away, to come back for the answer."""
        task = _Task(context, call)
        self._tasks[task.id] = task
        task.life.add_done_callback(lambda _: self._keep(task))
        return {"resultType": "task", **task.brief()}

    async def get(self, context: Context, params: TaskParams) -> dict[str, Any]:
        """Tell how far a task has come, or what has come of it."""
        return self._task(context, params).whole()

    async def update(self, context: Context, params: UpdateParams) -> dict[str, Any]:
        """Answer questions; what answers none is passed over."""
        task = self._task(context, params)
        for key, said in params.input_responses.items():
            task.answer(key, said)
        return {}

    async def cancel(self, context: Context, params: TaskParams) -> dict[str, Any]:
        """Stop a task, unless it has ended."""
        self._task(context, params).cancel()
        return {}

    async def close(self) -> None:
        """Hear no more of any."""
        lives = [each.life for each in self._tasks.values()]
        self._tasks.clear()
        for each in lives:
            each.cancel()
        await asyncio.gather(*lives, return_exceptions=True)

    def _task(self, context: Context, params: TaskParams) -> _Task:
        if not is_modern(context):
            raise MCPError(types.METHOD_NOT_FOUND, "Method not found")
        if not context.session.check_client_capability(ABLE):
            raise _unable()
        _check_name(context, params.task_id)
        if params.task_id not in self._tasks:
            raise MCPError(types.INVALID_PARAMS, "There is no such task.")
        return self._tasks[params.task_id]

    def _keep(self, task: _Task) -> None:
        """Forget a task that has ended, but not before the time that was promised."""
        if task.id in self._tasks:
            asyncio.get_running_loop().call_later(KEPT, self._tasks.pop, task.id, None)


class _Task:
    """One task: its call, what is asked of the client at present, and what came of it."""

    def __init__(self, context: Context, call: Ongoing) -> None:
        self.id = call.exchange.thread.conversation.id
        self._context = context
        self._call = call
        self._began = self._changed = datetime.now(UTC)
        self._questions: dict[str, Question] = {}
        self._words = ""
        self._outcome: Mapping[str, Any] | None = None
        call.tell = self._hear
        self.life = asyncio.create_task(self._live(), name=f"mcp task {self.id}")

    def brief(self) -> dict[str, Any]:
        """Return what is always said of a task."""
        ended = self._outcome is not None
        asks = "input_required" if self._questions else "working"
        kept = (self._changed - self._began).total_seconds() + KEPT
        said = {
            "taskId": self.id,
            "status": self._outcome["status"] if self._outcome else asks,
            "createdAt": self._began.isoformat(),
            "lastUpdatedAt": self._changed.isoformat(),
            "ttlMs": int(kept * 1000) if ended else None,
            "pollIntervalMs": 1000,
        }
        return {**said, "statusMessage": self._words} if self._words else said

    def whole(self) -> dict[str, Any]:
        """Return all that can be said of it."""
        said = {**self.brief(), **(self._outcome or {})}
        if self._outcome is None and self._questions:
            said["inputRequests"] = {
                key: each.request.model_dump(by_alias=True, mode="json", exclude_none=True)
                for key, each in self._questions.items()
            }
        return said

    def answer(self, key: str, said: Any) -> None:
        """Give the answer to a question that is open, if it is one."""
        question = self._questions.get(key)
        response = None if question is None else read_response(question, said)
        if question is not None and response is not None:
            del self._questions[key]
            self._note()
            self._call.reply(question, response)

    def cancel(self) -> None:
        """Stop the work."""
        if self._outcome is None:
            self._end({"status": "cancelled"})
            self._call.abandon("its client has cancelled the task")

    async def _live(self) -> None:
        while questions := await self._call.questions():
            for each in questions:
                self._ask(each)
        self._call.close()
        if self._outcome is None:
            self._end(_outcome(self._call))

    def _ask(self, question: Question) -> None:
        if is_able(self._context, question.request):
            self._questions[question.key] = question
            self._note()
        elif question.required:
            error = unable(question.request)
            self._end(_failed(error))
            self._call.abandon(error.message)
        else:
            self._call.reply(question, none_of(question.request))

    def _hear(self, news: News) -> None:
        """Note how far it has come, in words."""
        if isinstance(news, AgentEvent):
            self._words = news.step.replace("_", " ")
        elif isinstance(news, ToolProgress):
            of = "" if news.total is None else f" of {news.total:g}"
            self._words = f"{news.progress:g}{of} {news.message}".rstrip()
        else:
            self._words = news.message
        self._note()

    def _end(self, outcome: Mapping[str, Any]) -> None:
        self._outcome = outcome
        self._questions.clear()
        self._note()

    def _note(self) -> None:
        self._changed = datetime.now(UTC)


def _outcome(call: Ongoing) -> Mapping[str, Any]:
    """Return what came of a call: what its tool said, also of a failure of its own; or why not."""
    answer = call.exchange.answer
    error = answer.exception()
    if isinstance(error, Unanswered):
        return _failed(MCPError(types.INTERNAL_ERROR, str(error)))
    result = call.aim.finish(answer)
    return {
        "status": "completed",
        "result": result.model_dump(by_alias=True, mode="json", exclude_none=True),
    }


def _failed(error: MCPError) -> Mapping[str, Any]:
    said = error.error.model_dump(by_alias=True, mode="json", exclude_none=True)
    return {"status": "failed", "error": said}


def _unable() -> MCPError:
    needed = ABLE.model_dump(by_alias=True, exclude_none=True)
    words = "This needs a client that comes back for the answer."
    about = {"requiredCapabilities": needed}
    return MCPError(types.MISSING_REQUIRED_CLIENT_CAPABILITY, words, about)


def _check_name(context: Context, task_id: str) -> None:
    """Refuse a request that leads whoever passes it on to another task than the one it names."""
    if context.request is None:  # It came over standard streams.
        return
    if decode_header_value(context.request.headers.get(MCP_NAME_HEADER)) != task_id:
        words = f"{MCP_NAME_HEADER} header does not match the request body's 'taskId' parameter"
        raise MCPError(types.HEADER_MISMATCH, words)
