"""What an organism file says about a listener that a language model thinks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from xml_pipeline import names
from xml_pipeline.config.values import AList, Count, ImportPath, NotBlank, Seconds, Section


@dataclass(frozen=True, slots=True)
class GuardrailConfig:
    """A guardrail that is named, and what is said of it: its own settings, judged by itself."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)


def _guardrail(value: object) -> GuardrailConfig:
    match value:
        case GuardrailConfig():
            return value
        case str():
            return GuardrailConfig(names.plugin_name(value))
        case Mapping() if len(value) == 1:
            ((name, settings),) = value.items()
            if isinstance(name, str) and isinstance(settings, Mapping):
                return GuardrailConfig(names.plugin_name(name), dict(settings))
    raise ValueError("must be the name of a guardrail, or that name with its settings below it")


Guardrail = Annotated[
    GuardrailConfig,
    PlainValidator(_guardrail, json_schema_input_type=NotBlank | dict[NotBlank, dict[str, Any]]),
]
"""Judged as one value: each branch of a plain union would give an error of its own."""


class ContextConfig(Section):
    """How much of what was said a model is shown."""

    strategy: Literal["all", "window", "summarize"] = Field(
        default="all",
        description="`all`; `window`: the task and the newest that `max_tokens` hold;"
        " `summarize`: what is older is summarized once there is more than `max_tokens`.",
    )
    max_tokens: Count = Field(
        default=80_000, description="Tokens that it may take, as far as they can be estimated."
    )
    keep_recent: Count = Field(
        default=2, description="Newest pairs of calls and results that pruning leaves whole."
    )
    prune_results_over: Count | None = Field(
        default=None, description="Bytes to which older results are cut; empty: they stay."
    )
    summary_model: NotBlank | None = Field(
        default=None, description="The model that summarizes; empty: the agent's own."
    )
    recursive: bool = Field(
        default=False, description="Summarize long conversations part by part, then the parts."
    )
    flush_to: NotBlank | None = Field(
        default=None,
        description="A peer that is told of each result before a summary takes its place, as"
        " `Remember`; empty: nobody.",
    )


class OrchestrationConfig(Section):
    """How an orchestrator divides its work."""

    routing: Literal["auto", "always", "single"] = Field(
        default="auto",
        description="`auto`: a task that is for one goes to that agent whole; `always` orchestrate;"
        " `single`: the first agent takes everything.",
    )
    dispatch: Literal["parallel", "sequential"] = Field(
        default="parallel", description="Whether several tasks may be given at once."
    )
    escalation: bool = Field(
        default=True, description="Orchestrate what one agent alone has failed at."
    )
    squads: bool = Field(
        default=True,
        description="Whether two agents or more may work as a squad, with a blackboard of their"
        " own; not where dispatch is `sequential`.",
    )
    strategy: ImportPath | None = Field(
        default=None,
        description="Import path of a function (`def`) of the task and the agents that decides"
        " who takes a task whole, under `routing: auto`; empty: the score.",
    )


class AgentKeys(Section):
    """The keys of an agent: they mean something only where there is a `model`."""

    model: NotBlank | None = Field(
        default=None, description="The model that thinks for it, as `provider:model`."
    )
    max_turns: Count = Field(default=10, description="Turns it has for one request.")
    max_tokens: Count = Field(default=4096, description="Tokens that one answer may take.")
    max_total_tokens: Count | None = Field(
        default=None, description="Tokens of all turns of one request; empty: the budget decides."
    )
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] | None = Field(
        default=None, description="How freely it chooses its words; empty: as the model does."
    )
    effort: Literal["high", "medium", "low", "none"] | None = Field(
        default=None,
        description="How hard it thinks first, within `max_tokens`; empty: as the model does.",
    )
    prompt_caching: bool = Field(
        default=True, description="Mark what stays the same, where the provider can keep it."
    )
    run_timeout: Seconds | None = Field(
        default=None, description="Seconds for one request, all turns and calls; empty: no limit."
    )
    tool_timeout: Seconds | None = Field(
        default=None, description="Seconds it waits for one call; empty: as long as that takes."
    )
    max_tool_output_bytes: Count | None = Field(
        default=32_768, description="Bytes of a result that the model is shown; empty: all."
    )
    media: Annotated[tuple[Literal["image", "audio"], ...], AList] | None = Field(
        default=None,
        description="What of results its model is shown besides words; empty: pictures, where all"
        " models of its provider can see them. The rest is words in brackets.",
    )
    compress_over: Count | None = Field(
        default=None, description="Bytes from which a model shortens a result; empty: never."
    )
    max_tools_per_turn: Count | None = Field(
        default=None, description="Functions offered in one turn, the likeliest; empty: all."
    )
    max_identical_calls: Count | None = Field(
        default=3, description="Turns in which it may ask for the same again; empty: any number."
    )
    reflect: bool = Field(
        default=False, description="Ask it after each result whether it is on the right way."
    )
    dialect: Literal["functions", "xml"] = Field(
        default="functions", description="Whether it calls functions, or writes XML itself."
    )
    output_schema: dict[str, Any] | None = Field(
        default=None, description="JSON Schema of its answer, in place of an `output_class`."
    )
    session_seconds: Seconds = Field(
        default=1800.0, description="Seconds it waits for more where its caller says there may be."
    )
    instructions: Annotated[tuple[NotBlank, ...], AList] = Field(
        default=(),
        description="Files of project instructions, looked for from the organism's folder upwards.",
    )
    guardrails: Annotated[tuple[Guardrail, ...], AList] = Field(
        default=(),
        description="What looks at its requests, answers and calls, in this order: each a name,"
        " or a name with its settings below it.",
    )
    profile: NotBlank | None = Field(
        default=None,
        description="Which of its peers it may reach: those of `conversational`, `standard`, `full`"
        " or one of `profiles`; empty: all of them.",
    )
    handoff: Annotated[tuple[NotBlank, ...], AList] = Field(
        default=(), description="Peers that it may hand over to: they answer in its place."
    )
    orchestration: OrchestrationConfig = Field(
        default=OrchestrationConfig(), description="Of an `agents:orchestrator`."
    )
    context: ContextConfig = Field(
        default=ContextConfig(), description="How much of what was said it is shown."
    )
