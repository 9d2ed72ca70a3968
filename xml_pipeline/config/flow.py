"""What an organism file says about a listener that leads others through their work."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from xml_pipeline.config.values import AList, Count, ImportPath, ListenerName, NotBlank, Section
from xml_pipeline.payload.regex.automaton import Automaton
from xml_pipeline.payload.regex.syntax import parse

FLOWS = ("agents:sequence", "agents:parallel", "agents:loop", "agents:graph")
"""The handlers that lead other listeners through their work."""


def _pattern(text: str) -> str:
    Automaton(parse(text))
    return text


def _as_step(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _as_way(value: object) -> object:
    return {"step": value} if isinstance(value, str) else value


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str | dict) else value


class ConditionConfig(Section):
    """What an answer has to be; of several, all hold."""

    contains: NotBlank | None = Field(default=None, description="Text that is in it, as written.")
    matches: Annotated[str, AfterValidator(_pattern)] | None = Field(
        default=None,
        description="Regular expression, in the dialect of JSON Schema, that is found in its text.",
    )
    function: ImportPath | None = Field(
        default=None,
        validate_default=True,
        description="Import path of a function (`def`) that is given it, and says `True` of it.",
    )

    @field_validator("function")
    @classmethod
    def _says_something(cls, function: str | None, info: ValidationInfo) -> str | None:
        others = [info.data.get(each, "refused") for each in ("contains", "matches")]
        if function is None and others == [None, None]:
            raise ValueError("is missing, and so are `contains` and `matches`: write one of them")
        return function


class WayConfig(Section):
    """A way that leads to a step of a graph."""

    step: ListenerName = Field(description="The step whose answer is handed on.")
    when: ConditionConfig | None = Field(
        default=None, description="It is taken only if the answer is like this."
    )
    unless: ConditionConfig | None = Field(
        default=None, description="It is not taken if the answer is like this."
    )
    at_most: Count | None = Field(
        default=None, description="Makes it a way back, and says how often it is taken."
    )


Way = Annotated[
    WayConfig, BeforeValidator(_as_way, json_schema_input_type=ListenerName | WayConfig)
]


class StepConfig(Section):
    """A step: who is asked, and in a graph, after whom."""

    name: ListenerName = Field(description="Its name; unique in a graph and a parallel.")
    listener: ListenerName | None = Field(
        default=None, description="Who is asked; empty: the listener of that name."
    )
    after: Annotated[
        tuple[Way, ...],
        AList,
        BeforeValidator(
            _one_or_many, json_schema_input_type=tuple[Way, ...] | WayConfig | ListenerName
        ),
    ] = Field(
        default=(),
        description="In a graph: the steps whose answers it is given; none: what the graph is.",
    )
    join: Literal["all", "some", "any"] = Field(
        default="all",
        description="Where several ways lead to it. `all`: it begins when all are taken. `some`:"
        " when all are decided, with what came on those that are taken. `any`: with what comes"
        " first.",
    )

    @property
    def asked(self) -> str:
        """Return the name of the listener that is asked."""
        return self.listener or self.name


Step = Annotated[
    StepConfig, BeforeValidator(_as_step, json_schema_input_type=ListenerName | StepConfig)
]


class FlowKeys(Section):
    """The keys of a flow: they mean something only where its handler leads others."""

    steps: Annotated[
        tuple[Step, ...],
        AList,
        BeforeValidator(
            _one_or_many, json_schema_input_type=tuple[Step, ...] | StepConfig | ListenerName
        ),
    ] = Field(
        default=(),
        description="Whom an `agents:sequence`, `parallel`, `loop` or `graph` asks; they are its"
        " peers.",
    )
    until: ConditionConfig | None = Field(
        default=None, description="An `agents:loop` ends as soon as its last step's answer is so."
    )
    max_iterations: Count = Field(
        default=10, description="An `agents:loop` goes through its steps no more often than this."
    )
