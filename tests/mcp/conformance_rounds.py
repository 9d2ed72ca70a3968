"""The fixtures of the conformance suite that ask the client, in one round or several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xml_pipeline import HandlerMetadata, HandlerResponse
from xml_pipeline.mcp.payloads import (
    Elicit,
    Elicited,
    ListRoots,
    McpResult,
    Roots,
    Sample,
    Sampled,
)

Asked = Elicit | Sample | ListRoots


def form(**fields: Any) -> Any:
    return {"type": "object", "properties": fields, "required": []}


def sample(words: str, tokens: int = 100, **more: Any) -> Sample:
    said: Any = {"role": "user", "content": {"type": "text", "text": words}}
    return Sample([said], tokens, **more)


NAME = Elicit("What is your name?", form(name={"type": "string"}), "user_name")
CONFIRM = Elicit("Please confirm", form(ok={"type": "boolean"}), "confirm")
COLOR = Elicit("What is your favorite color?", form(color={"type": "string"}), "step2")
CONTEXT = Elicit("What context should the prompt use?", form(context={"type": "string"}))
GREETING = sample("Generate a greeting", 50, key="greeting")

ROUNDS: Mapping[str, tuple[tuple[Asked, ...], ...]] = {
    "test_input_required_result_elicitation": ((NAME,),),
    "test_input_required_result_sampling": ((sample("The capital of France?"),),),
    "test_input_required_result_list_roots": ((ListRoots("client_roots"),),),
    "test_input_required_result_request_state": ((CONFIRM,),),
    "test_input_required_result_tampered_state": ((CONFIRM,),),
    "test_input_required_result_multiple_inputs": ((NAME, GREETING, ListRoots()),),
    "test_input_required_result_multi_round": ((NAME,), (COLOR,)),
    "test_input_required_result_capabilities": ((NAME, GREETING),),
    "test_streaming_elicitation": ((NAME,),),
    "test_missing_capability": ((sample("Anything.", required=True),),),
}
ANSWERS = (Elicited, Sampled, Roots)


class Rounds:
    """Asks the client one round of questions after the other, and tells what it answered."""

    def __init__(self, *rounds: tuple[Asked, ...]) -> None:
        self._rounds = rounds

    async def __call__(self, payload: Any, metadata: HandlerMetadata) -> Any:
        state = metadata.state
        if isinstance(payload, ANSWERS):
            state["heard"] = [*state["heard"], _words(payload)]
            state["open"] -= 1
            if state["open"]:
                return None
        else:
            state.update(heard=[], round=0)
        if state["round"] == len(self._rounds):
            return HandlerResponse.respond(self._told(state["heard"]))
        asked = self._rounds[state["round"]]
        state.update(round=state["round"] + 1, open=len(asked))
        return [HandlerResponse(each, to="client") for each in asked]

    def _told(self, heard: list[str]) -> McpResult:
        return McpResult(f"state-ok: {'; '.join(heard)}")


class AskingPrompt(Rounds):
    """A prompt that asks what it is to be filled in with."""

    def __init__(self) -> None:
        super().__init__((CONTEXT,))

    def _told(self, heard: list[str]) -> McpResult:
        said: Any = {"role": "user", "content": {"type": "text", "text": "; ".join(heard)}}
        return McpResult(said["content"]["text"], structured=[said])


def _words(answer: Any) -> str:
    if isinstance(answer, Elicited):
        filled: Any = answer.content or {}
        return ", ".join(map(str, filled.values())) or answer.action
    if isinstance(answer, Roots):
        return ", ".join(each.uri for each in answer.roots)
    return str(answer.text)
