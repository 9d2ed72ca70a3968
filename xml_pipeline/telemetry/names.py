"""Names of OpenTelemetry's semantic conventions for generative AI, as they stand in its registry.

Copied, for the package that has them marks them as unstable and may move them; a test compares.
"""

from __future__ import annotations

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
AGENT = "gen_ai.agent.name"
WORKFLOW = "gen_ai.workflow.name"
CONVERSATION = "gen_ai.conversation.id"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
FINISH_REASONS = "gen_ai.response.finish_reasons"
FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
OUTPUT_MESSAGES = "gen_ai.output.messages"
TOOL = "gen_ai.tool.name"
TOOL_TYPE = "gen_ai.tool.type"
CALL = "gen_ai.tool.call.id"
ARGUMENTS = "gen_ai.tool.call.arguments"
RESULT = "gen_ai.tool.call.result"
ERROR = "error.type"

INVOKE_AGENT = "invoke_agent"
INVOKE_WORKFLOW = "invoke_workflow"
CHAT = "chat"
EXECUTE_TOOL = "execute_tool"

PROVIDERS = {"xai": "x_ai"}
"""Providers whose well-known name is not that of their plug-in here."""

COST = "xml_pipeline.usage.cost"
"""US dollars; the conventions have no name for it."""

THREAD = "xml_pipeline.thread.id"
TURN = "xml_pipeline.turn"
TURNS = "xml_pipeline.turns"
TOOL_CALLS = "xml_pipeline.tool_calls"
