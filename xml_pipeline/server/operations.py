"""The table of routes, as data: the application and its OpenAPI document both follow it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from xml_pipeline.server.a2a_operations import A2A_OPERATIONS
from xml_pipeline.server.operation import EVENTS, JSON, TEXT, XML, Operation, Parameter


def _answers(good: int, meaning: str, **problems: str) -> Mapping[int, str]:
    """Return the answers of an operation; a problem is given as ``p404="…"``."""
    bad = {int(status[1:]): what for status, what in problems.items()}
    return MappingProxyType({good: meaning} | bad)


_ID = Parameter("id", "path", "Id of a thread.")
_NAME = Parameter("name", "path", "Name of a listener.")
_LETTER = Parameter("id", "path", "Id of a dead letter.")
_NO_LETTER = "There is no such dead letter."
_NO_THREAD, _NO_LISTENER = "There is no such thread.", "There is no such listener."
_NO_MCP = "Nobody is exposed; or there is no such session."
_NOT_WRITTEN = "It could not be written into the audit log first, and was not done."
_IN_DOUBT = (
    "It could not be written into the audit log first, and was not done; or it was, and whether"
    " the journal knows of it is not known."
)
_NOT_TO_BE_HAD = "Learned rules cannot be had at present."
_BAD_SUBJECT = "The `Subject-Token` is no token."
_FOR_WHOM = Parameter(
    "Subject-Token", "header", "A token of the person that this is done for; not kept."
)
_WATCH = (
    Parameter("thread", "query", "Only events of this thread or conversation."),
    Parameter("listener", "query", "Only events in which this listener takes part."),
    Parameter("type", "query", "Only events of these types, separated by commas."),
)

OPERATIONS = (
    Operation(
        "post_message",
        "POST",
        "/v1/messages",
        "Put a message on its way, and wait for its answer where `wait` says so.",
        {
            200: "The answer.",
            202: "It is on its way: `thread` and `id` say where.",
            204: "All went quiet without an answer.",
            400: "Malformed.",
            408: "The body did not come in time.",
            410: "This Idempotency-Key was used; the answer is not kept any more.",
            413: "Too large.",
            415: "Neither XML nor JSON in UTF-8.",
            422: "A fault; or an Idempotency-Key that was used for another request.",
            503: "Too much is waiting, or the organism is stopping.",
        },
        (
            Parameter("to", "query", "The body is a bare XML payload for this listener."),
            Parameter("thread", "query", "The open conversation that a bare payload belongs to."),
            Parameter("wait", "query", "Seconds to wait for the answer.", "number"),
            Parameter("Idempotency-Key", "header", "The same request twice is one message."),
            _FOR_WHOM,
            Parameter("traceparent", "header", "The span that the work is a part of (W3C)."),
        ),
        produces=(XML, JSON),
        consumes=(XML, JSON),
    ),
    Operation(
        "list_threads",
        "GET",
        "/v1/threads",
        "Open threads, and those of the last conversations.",
        _answers(200, "Threads, those of the latest conversations first.", p400="A bad filter."),
        (
            Parameter("status", "query", "`open`, or the status they have."),
            Parameter("listener", "query", "Their caller or callee."),
            Parameter("limit", "query", "How many at most.", "integer"),
            Parameter("past", "query", "`true`: the conversations of the journal, too.", "boolean"),
        ),
    ),
    Operation(
        "show_thread",
        "GET",
        "/v1/threads/{id}",
        "One thread.",
        _answers(200, "The thread.", p404=_NO_THREAD),
        (_ID,),
    ),
    Operation(
        "thread_messages",
        "GET",
        "/v1/threads/{id}/messages",
        "The last messages and faults of a thread, or of a whole conversation.",
        _answers(200, "Messages and faults, oldest first.", p404=_NO_THREAD),
        (_ID,),
    ),
    Operation(
        "thread_log",
        "GET",
        "/v1/threads/{id}/log",
        "The conversation of a thread as it stands in the journal, without details of faults.",
        _answers(200, "Its entries, in base64.", p404="There is no such thread in the journal."),
        (_ID,),
    ),
    Operation(
        "kill_thread",
        "DELETE",
        "/v1/threads/{id}",
        "Stop a thread and everything below it.",
        _answers(204, "It has stopped.", p404=_NO_THREAD, p503=_IN_DOUBT),
        (_ID,),
    ),
    Operation(
        "kill_threads",
        "DELETE",
        "/v1/threads",
        "Stop all the work of a listener, which is paused too, or of a tenant, or all there is.",
        _answers(
            200,
            "How many threads were `killed`.",
            p400="Not said which.",
            p404=_NO_LISTENER,
            p503=_IN_DOUBT,
        ),
        (
            Parameter("listener", "query", "Whose work."),
            Parameter("tenant", "query", "On whose behalf."),
            Parameter("all", "query", "`true`: all there is."),
        ),
    ),
    Operation(
        "list_letters",
        "GET",
        "/v1/dead-letters",
        "The messages that were given up.",
        _answers(200, "Dead letters, the oldest first."),
    ),
    Operation(
        "show_letter",
        "GET",
        "/v1/dead-letters/{id}",
        "One of them.",
        _answers(200, "The dead letter.", p404=_NO_LETTER),
        (_LETTER,),
    ),
    Operation(
        "drop_letter",
        "DELETE",
        "/v1/dead-letters/{id}",
        "Throw it away.",
        _answers(204, "It is gone.", p404=_NO_LETTER),
        (_LETTER,),
    ),
    Operation(
        "replay_letter",
        "POST",
        "/v1/dead-letters/{id}/replay",
        "Send its message once more, as a new conversation.",
        _answers(
            202,
            "It is on its way: `thread` and `id` say where.",
            p404=_NO_LETTER,
            p409="Its listener is not there, or accepts it no longer; the letter stays.",
        ),
        (_LETTER,),
    ),
    Operation(
        "list_approvals",
        "GET",
        "/v1/approvals",
        "The calls that wait for somebody to decide on them.",
        _answers(200, "Calls, the oldest first."),
    ),
    Operation(
        "decide",
        "POST",
        "/v1/approvals/{id}",
        "Decide on one of them.",
        _answers(
            200,
            "The call, and the `decision`.",
            p400="No decision.",
            p404="Nothing waits for a decision there.",
            p408="The body did not come in time.",
            p413="Too large.",
            p503=_NOT_WRITTEN,
        ),
        (_ID,),
        consumes=(JSON,),
        body="Decision",
    ),
    Operation(
        "list_questions",
        "GET",
        "/v1/questions",
        "What agents ask people, and nobody has answered yet.",
        _answers(200, "Questions, with what there is to choose from."),
    ),
    Operation(
        "answer",
        "POST",
        "/v1/questions/{id}",
        "Answer them, all of one thread.",
        _answers(
            200,
            "The questions, and the `answers`.",
            p400="No answers, or not one for each question.",
            p404="Nobody is asked anything there.",
            p408="The body did not come in time.",
            p413="Too large.",
            p503=_NOT_WRITTEN,
        ),
        (_ID,),
        consumes=(JSON,),
        body="Answers",
    ),
    Operation(
        "list_learned",
        "GET",
        "/v1/permissions/learned",
        "What was decided for always.",
        _answers(200, "Learned rules, the oldest first.", p503=_NOT_TO_BE_HAD),
    ),
    Operation(
        "forget_learned",
        "DELETE",
        "/v1/permissions/learned/{id}",
        "Ask again from now on.",
        _answers(204, "It is gone.", p404="There is no such learned rule.", p503=_NOT_TO_BE_HAD),
        (Parameter("id", "path", "Id of a learned rule."),),
    ),
    Operation(
        "list_nodes",
        "GET",
        "/v1/nodes",
        "The processes that share the work, and which part each of them holds.",
        _answers(200, "The nodes, as this one has last seen them."),
    ),
    Operation(
        "list_listeners",
        "GET",
        "/v1/listeners",
        "Every listener.",
        _answers(200, "The listeners."),
    ),
    Operation(
        "show_listener",
        "GET",
        "/v1/listeners/{name}",
        "One listener.",
        _answers(200, "The listener.", p404=_NO_LISTENER),
        (_NAME,),
    ),
    Operation(
        "listener_schema",
        "GET",
        "/v1/listeners/{name}/schema",
        "What a listener accepts: XSD, JSON Schema, examples.",
        _answers(200, "All of it as JSON, or one XSD as XML.", p404="No such listener or payload."),
        (_NAME, Parameter("payload", "query", "Which payload's XSD.")),
        produces=(JSON, XML),
    ),
    Operation(
        "pause_listener",
        "POST",
        "/v1/listeners/{name}/pause",
        "Let a listener start nothing new.",
        _answers(200, "The listener.", p404=_NO_LISTENER, p503=_NOT_WRITTEN),
        (_NAME,),
    ),
    Operation(
        "resume_listener",
        "POST",
        "/v1/listeners/{name}/resume",
        "Let a paused listener go on.",
        _answers(200, "The listener.", p404=_NO_LISTENER, p503=_NOT_WRITTEN),
        (_NAME,),
    ),
    Operation(
        "reload",
        "POST",
        "/v1/reload",
        "Read the organism's file again.",
        _answers(
            200,
            "What was changed.",
            p409="The organism came from no file.",
            p422="The file has `problems`; nothing was changed.",
        ),
    ),
    Operation(
        "events",
        "GET",
        "/v1/events",
        "Everything that happens, as server-sent events.",
        _answers(200, "The events.", p400="A bad filter.", p429="Too many are watching."),
        (*_WATCH, Parameter("Last-Event-ID", "header", "Begin after this event.")),
        produces=(EVENTS,),
    ),
    Operation(
        "websocket",
        "GET",
        "/ws",
        "The same events, and messages, over one WebSocket.",
        _answers(101, "A WebSocket.", p400=_BAD_SUBJECT, p429="Too many are watching."),
        (_FOR_WHOM,),
        produces=(),
    ),
    Operation(
        "mcp_post",
        "POST",
        "/mcp",
        "What an MCP client says (streamable HTTP): the tools are the listeners that are exposed.",
        {
            200: "Its answer, in one piece or as a stream of events.",
            202: "Heard.",
            400: "No message of this protocol.",
            404: "Nobody is exposed; or there is no such session.",
            413: "Too large.",
            503: "Too many sessions, or the organism is stopping.",
        },
        produces=(JSON, EVENTS),
        consumes=(JSON,),
        body="Mcp",
    ),
    Operation(
        "mcp_get",
        "GET",
        "/mcp",
        "What an MCP client is told unasked.",
        _answers(200, "A stream of events.", p404=_NO_MCP),
        produces=(EVENTS,),
    ),
    Operation(
        "mcp_delete",
        "DELETE",
        "/mcp",
        "End a session of an MCP client.",
        _answers(200, "It has ended.", p404=_NO_MCP),
    ),
    *A2A_OPERATIONS,
    Operation(
        "healthz",
        "GET",
        "/healthz",
        "Whether messages move.",
        _answers(200, "They do.", p503="They do not."),
        open=True,
    ),
    Operation(
        "readyz",
        "GET",
        "/readyz",
        "Whether a message would be taken in now.",
        _answers(200, "It would.", p503="It would not."),
        open=True,
    ),
    Operation(
        "metrics",
        "GET",
        "/metrics",
        "Figures for Prometheus.",
        _answers(200, "The figures."),
        produces=(TEXT,),
    ),
    Operation(
        "openapi", "GET", "/openapi.json", "This document.", _answers(200, "An OpenAPI document.")
    ),
)
