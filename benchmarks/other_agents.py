"""Agents of other libraries that do the same as ours: five calls, then an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.prebuilt import create_react_agent
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from benchmarks.our_agents import SAID

Run = Callable[[], Awaitable[None]]


async def finder(word: str) -> str:
    """Look a word up."""
    return f"{word} means something"


def pydantic_ai_agent(question: str, calls: int) -> Run:
    """Return what runs an agent of pydantic-ai once."""

    async def say(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        if len(messages) > 1:
            return ModelResponse(parts=[TextPart(SAID)])
        return ModelResponse(
            parts=[ToolCallPart("finder", {"word": f"word {n}"}, f"c{n}") for n in range(calls)]
        )

    agent = Agent(FunctionModel(say), tools=[finder])

    async def run() -> None:
        assert (await agent.run(question)).output == SAID

    return run


class Chat(BaseChatModel):  # type: ignore[misc, unused-ignore]  # untyped where not installed
    """A chat model of langchain that says the same."""

    calls: int

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        """Take tools, and say the same."""
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        return self._said(messages)

    async def _agenerate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        return self._said(messages)

    def _said(self, messages: list[BaseMessage]) -> ChatResult:
        if len(messages) > 1:
            message = AIMessage(content=SAID)
        else:
            wanted = [
                {"name": "finder", "args": {"word": f"word {n}"}, "id": f"c{n}"}
                for n in range(self.calls)
            ]
            message = AIMessage(content="", tool_calls=wanted)
        return ChatResult(generations=[ChatGeneration(message=message)])


def langgraph_agent(question: str, calls: int) -> Run:
    """Return what runs a prebuilt agent of langgraph once."""
    agent = create_react_agent(Chat(calls=calls), [finder])

    async def run() -> None:
        state = await agent.ainvoke({"messages": [("user", question)]})
        assert state["messages"][-1].content == SAID

    return run
