"""The routes of A2A, as data: cards, JSON-RPC, and HTTP+JSON below the address of an agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from xml_pipeline.server.operation import EVENTS, JSON, Operation, Parameter

CARD = "/.well-known/agent-card.json"
_ONE = "/a2a/{name}"
_TASK = f"{_ONE}/tasks/{{id}}"
_ADDRESSES = f"{_TASK}/pushNotificationConfigs"

_NAME = Parameter("name", "path", "Name of a listener that is exposed.")
_ID = Parameter("id", "path", "Id of a task.")
_ADDRESS = Parameter("push_id", "path", "Id of an address that is told of the task.")
_VERSION = Parameter("A2A-Version", "query", "Version of the protocol, else in the header.")
_SUBJECT = Parameter("Subject-Token", "header", "A token of the person it is for.")
_TRACE = Parameter("traceparent", "header", "The span that the work is a part of (W3C).")
_HISTORY = Parameter("historyLength", "query", "Messages of its history, at most.", "integer")
_PAGE = (
    Parameter("contextId", "query", "Only tasks of this context."),
    Parameter("status", "query", "Only tasks in this state."),
    Parameter("statusTimestampAfter", "query", "Only tasks that changed since."),
    Parameter("includeArtifacts", "query", "With what came of them.", "boolean"),
    Parameter("pageSize", "query", "How many at most.", "integer"),
    Parameter("pageToken", "query", "Where the last page ended."),
    _HISTORY,
)

_ANSWERS: Mapping[int, str] = MappingProxyType(
    {
        200: "What was asked for.",
        400: "Malformed, or not to be done with this task.",
        404: "Nobody of that name is exposed; or there is no such task.",
        408: "The body did not come in time.",
        413: "Too large.",
        500: "It could not be done.",
        503: "The organism is stopping.",
    }
)
_CARD_ANSWERS: Mapping[int, str] = MappingProxyType(
    {200: "The card.", 304: "It has not changed.", 404: "Nobody of that name is exposed."}
)


def _card(name: str, path: str, meaning: str, *parameters: Parameter) -> Operation:
    return Operation(name, "GET", path, meaning, _CARD_ANSWERS, parameters, open=True)


def _post(name: str, path: str, meaning: str, *parameters: Parameter) -> Operation:
    return Operation(
        f"a2a_{name}",
        "POST",
        path,
        meaning,
        _ANSWERS,
        (*parameters, _VERSION, _SUBJECT, _TRACE),
        produces=(JSON, EVENTS),
        consumes=(JSON,),
        body="A2a",
    )


def _order(
    name: str, path: str, meaning: str, *parameters: Parameter, method: str = "GET"
) -> Operation:
    about = (*parameters, _VERSION)
    return Operation(f"a2a_{name}", method, path, meaning, _ANSWERS, about)


A2A_CARDS = (
    _card("a2a_card", CARD, "What there is for A2A clients: the card of the organism."),
    _card("a2a_old_card", "/.well-known/agent.json", "The same, where older clients look for it."),
    _card("a2a_agent_card", f"{_ONE}{CARD}", "The card of one agent.", _NAME),
)

A2A_OPERATIONS = (
    *A2A_CARDS,
    _post("post", "/a2a", "What an A2A client says to the organism (JSON-RPC)."),
    _post("agent_post", _ONE, "What an A2A client says to one agent (JSON-RPC).", _NAME),
    _post("send", f"{_ONE}/message:send", "Begin a task, or go on with one.", _NAME),
    _post("stream", f"{_ONE}/message:stream", "The same, and hear what comes of it.", _NAME),
    _order("tasks", f"{_ONE}/tasks", "Tasks, the one that changed last first.", _NAME, *_PAGE),
    _post("subscribe", f"{_TASK}:subscribe", "Hear what comes of a task.", _NAME, _ID),
    Operation(
        "a2a_subscribe_get",
        "GET",
        f"{_TASK}:subscribe",
        "Hear what comes of a task.",
        _ANSWERS,
        (_NAME, _ID, _VERSION),
        produces=(EVENTS,),
    ),
    _post("cancel", f"{_TASK}:cancel", "Stop the work on a task.", _NAME, _ID),
    _order("task", _TASK, "A task.", _NAME, _ID, _HISTORY),
    _post("push", _ADDRESSES, "Tell an address of a task.", _NAME, _ID),
    _order("addresses", _ADDRESSES, "The addresses that are told of a task.", _NAME, _ID),
    _order("address", f"{_ADDRESSES}/{{push_id}}", "One of them.", _NAME, _ID, _ADDRESS),
    _order(
        "push_no_more",
        f"{_ADDRESSES}/{{push_id}}",
        "Tell an address of a task no more.",
        _NAME,
        _ID,
        _ADDRESS,
        method="DELETE",
    ),
    _order("extended_card", f"{_ONE}/extendedAgentCard", "There is none.", _NAME),
)

A2A_WITH_SLASH = tuple(
    replace(each, path=f"{each.path}/")
    for each in A2A_OPERATIONS
    if each.name in ("a2a_post", "a2a_agent_post")
)
"""The same, for clients that put a slash behind an address: httpx with a base URL, say."""
