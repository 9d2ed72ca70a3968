"""What an organism file may say, as frozen models.

The models are the one source of the defaults, of the JSON Schema for editors and of the
reference page. They know no YAML and no kernel: :mod:`xml_pipeline.config_file` reads files.
Durations are seconds, sizes are bytes, money is US dollars.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from xml_pipeline import names

KIB = 1024
MIB = 1024 * KIB


def _one_or_many(value: object) -> object:
    """Read a lone text as a list of one."""
    return (value,) if isinstance(value, str) else value


def _import_path(text: str) -> str:
    names.import_path(text)
    return text


def _handler(text: str) -> str:
    return text if names.plugin_handler(text) else _import_path(text)


def _peer(text: str) -> str:
    return text if text == "*" or text in names.SYSTEM_LISTENERS else names.listener_name(text)


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must say something")
    return text


Count = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Port = Annotated[int, Field(ge=0, le=65535)]
Money = Annotated[float, Field(gt=0, allow_inf_nan=False)]
ImportPath = Annotated[str, AfterValidator(_import_path)]
ImportPaths = Annotated[tuple[ImportPath, ...], Field(strict=False)]
Peer = Annotated[str, AfterValidator(_peer)]
PluginName = Annotated[str, AfterValidator(names.plugin_name)]
ListenerName = Annotated[
    str,
    AfterValidator(names.listener_name),
    Field(
        json_schema_extra={
            "pattern": f"^{names.LISTENER_NAME}$",
            "maxLength": names.LISTENER_NAME_LENGTH,
        }
    ),
]


class _Section(BaseModel):
    """A part of the file: unknown keys refused, values taken as they are written."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class OrganismInfo(_Section):
    """Who the organism is."""

    name: str = Field(default="unnamed", min_length=1, description="Its name, for people.")
    identity: str = Field(
        default="", description="File of the Ed25519 private key (PEM) that signs for it."
    )
    port: Port | None = Field(
        default=None, description="Older name of `server.port`; write one of the two."
    )


class BudgetConfig(_Section):
    """What one conversation may spend, over all of its threads."""

    tokens: Count = Field(default=100_000, description="Tokens of language models.")
    hops: Count = Field(default=50, description="Hops from the first message to the last.")
    messages: Count = Field(default=10_000, description="Messages in all.")
    seconds: Seconds | None = Field(
        default=None, description="Seconds from its first message on; empty: no limit."
    )
    usd: Money | None = Field(default=None, description="US dollars; empty: no limit.")


class LimitsConfig(_Section):
    """What the organism holds at most."""

    waiting_messages: Count = Field(
        default=10_000, description="Messages waiting before the outer door closes."
    )
    waiting_bytes: Count = Field(
        default=64 * MIB, description="Bytes waiting before the outer door closes."
    )
    message_bytes: Count = Field(default=MIB, description="Bytes of one message.")
    context_slots: Count = Field(
        default=10_000, description="Messages that a thread's context remembers."
    )
    state_bytes: Count = Field(
        default=MIB, description="Bytes of state that a listener keeps on one thread."
    )


class PipelineConfig(_Section):
    """Steps of yours, run after the built-in ones of the same station."""

    envelope: ImportPaths = Field(
        default=(), description="Import paths of steps from Envelope to Envelope."
    )
    delivery: ImportPaths = Field(
        default=(), description="Import paths of steps from Delivery to Delivery."
    )


class ServerConfig(_Section):
    """Where HTTP is served."""

    bind: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on.")
    port: Port = Field(default=8765, description="Port to listen on; 0 takes a free one.")
    token_env: str = Field(
        default="XML_PIPELINE_TOKEN",
        min_length=1,
        description="Environment variable that holds the bearer token.",
    )


class BackendConfig(_Section):
    """What the registries, the inbox and the journal stand on."""

    type: PluginName = Field(
        default="memory",
        description="`memory`, `sqlite`, `redis`, `postgres`, or the name of a plug-in.",
        examples=["memory", "sqlite", "redis", "postgres"],
    )
    path: str | None = Field(
        default=None, description="SQLite file; empty: one in the state directory."
    )
    redis_url: str = Field(
        default="redis://localhost:6379", repr=False, description="Where Redis is."
    )
    redis_prefix: str = Field(default="xp:", description="Begins every key in Redis.")
    dsn: str | None = Field(default=None, repr=False, description="Where PostgreSQL is.")
    url: str | None = Field(
        default=None, repr=False, description="Where the server of a plug-in backend is."
    )


class ProcessPoolConfig(_Section):
    """Worker processes for listeners that are `cpu_bound`."""

    enabled: bool = Field(default=False, description="Start the workers with the organism.")
    workers: Count = Field(default=4, description="How many processes.")
    max_tasks_per_child: Count = Field(
        default=100, description="Deliveries after which a process is replaced."
    )
    memory_mb: Count | None = Field(
        default=None, description="Megabytes of memory a process may take; empty: no limit."
    )
    deadline: Seconds | None = Field(
        default=None, description="Seconds before a process is killed; empty: the timeout."
    )


class LLMBackendConfig(_Section):
    """One way to a language model."""

    provider: PluginName = Field(description="Which wire it speaks, such as `anthropic`.")
    name: str = Field(default="", description="Its name in logs; empty: the provider's.")
    api_key_env: str | None = Field(
        default=None, description="Environment variable that holds the key."
    )
    api_key: SecretStr | None = Field(
        default=None, description="The key itself; write `${NAME}`, never the key."
    )
    base_url: str | None = Field(default=None, description="Where it is; empty: the usual.")
    priority: int = Field(default=1, description="The lowest number is asked first.")
    rate_limit_tpm: Count = Field(default=100_000, description="Tokens per minute.")
    max_concurrent: Count = Field(default=20, description="Requests at one time.")
    timeout: Seconds = Field(default=120.0, description="Seconds one request may take.")
    supported_models: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        default=(), description="Models it has; empty: those its provider is known for."
    )


class LLMConfig(_Section):
    """How language models are reached."""

    strategy: Literal["failover", "round-robin", "least-loaded"] = Field(
        default="failover", description="How one of the backends is chosen."
    )
    retries: Annotated[int, Field(ge=0)] = Field(
        default=3, description="Further attempts after the first one failed."
    )
    retry_base_delay: Seconds = Field(
        default=1.0, description="Seconds before the first retry; doubles each time."
    )
    retry_max_delay: Seconds = Field(default=60.0, description="Seconds between two at most.")
    backends: Annotated[tuple[LLMBackendConfig, ...], Field(strict=False)] = Field(
        default=(), description="The ways there are."
    )


class RetryConfig(_Section):
    """How long a failed delivery waits before the next attempt."""

    base_delay: Seconds = Field(
        default=1.0, description="Seconds before the second attempt; doubles each time."
    )
    max_delay: Seconds = Field(default=60.0, description="Seconds between two at most.")


class ListenerConfig(_Section):
    """A named capability: what it accepts, what handles it, whom it may address."""

    name: ListenerName = Field(description="Its name; unique in the organism.")
    description: Annotated[str, AfterValidator(_not_blank)] = Field(
        description="One line: what it does, for people and for models."
    )
    payload_class: Annotated[
        tuple[ImportPath, ...],
        BeforeValidator(_one_or_many, json_schema_input_type=ImportPath | ImportPaths),
        Field(strict=False),
    ] = Field(default=(), description="Import path of the payload it accepts, or a list.")
    handler: Annotated[str, AfterValidator(_handler)] | None = Field(
        default=None,
        description="Import path of its coroutine, or a built-in such as `tools:shell`.",
    )
    agent: bool = Field(
        default=False, description="It thinks; without a `handler`, a model does it."
    )
    peers: Annotated[
        tuple[Peer, ...],
        BeforeValidator(_one_or_many, json_schema_input_type=Peer | tuple[Peer, ...]),
        Field(strict=False),
    ] = Field(
        default=(),
        description="Listeners, groups and `system.*` it may address; `*` means anyone.",
    )
    broadcast: bool = Field(
        default=False, description="It gets every message that all who accept it get."
    )
    group: ListenerName | None = Field(
        default=None, description="A name that it shares with others; reaches them all."
    )
    cpu_bound: bool = Field(default=False, description="Its handler runs in a process.")
    max_concurrent: Count | None = Field(
        default=None, description="Deliveries at one time; empty: the organism's limits."
    )
    timeout: Seconds = Field(default=30.0, description="Seconds one delivery may take.")
    max_hops: Count | None = Field(
        default=None, description="Hops a message to it may have; empty: `budget.hops`."
    )
    prompt: str = Field(default="", description="What the model is told about its part.")
    output_class: ImportPath | None = Field(
        default=None, description="Import path of the payload it answers with."
    )
    model: str | None = Field(
        default=None, min_length=1, description="The model that thinks, `provider:model`."
    )
    max_turns: Count | None = Field(
        default=None, description="Turns an agent has for one request; empty: its budget."
    )
    max_deliveries: Count = Field(
        default=5, description="Attempts before a message is put with the dead letters."
    )
    retry: RetryConfig | None = Field(
        default=None, description="Wait and try again after a failure; empty: do not."
    )
    require_signature: bool = Field(
        default=False, description="Refuse messages from outside that are not signed."
    )


class OrganismConfig(_Section):
    """One organism: its limits, its surroundings and its listeners."""

    organism: OrganismInfo = Field(default=OrganismInfo(), description="Who it is.")
    thread_scheduling: Literal["breadth-first", "depth-first"] = Field(
        default="breadth-first",
        description="Conversations in turn, or the one furthest on first.",
    )
    max_concurrent_pipelines: Count = Field(
        default=32, description="Ready messages that the steps take at a time."
    )
    max_concurrent_handlers: Count = Field(default=20, description="Handlers running at one time.")
    max_concurrent_per_agent: Count = Field(
        default=5, description="Deliveries that one agent handles at one time."
    )
    max_tokens_per_thread: Count | None = Field(
        default=None, description="Older name of `budget.tokens`; write one of the two."
    )
    budget: BudgetConfig = Field(
        default=BudgetConfig(), description="What one conversation may spend."
    )
    limits: LimitsConfig = Field(
        default=LimitsConfig(), description="What the organism holds at most."
    )
    pipeline: PipelineConfig = Field(
        default=PipelineConfig(), description="Steps of yours in the pipeline."
    )
    allow_imports: Annotated[
        tuple[Annotated[str, AfterValidator(names.package_name)], ...], Field(strict=False)
    ] = Field(
        default=("handlers", "organisms", "xml_pipeline"),
        description="Packages below which handlers and payload classes may lie.",
    )
    server: ServerConfig = Field(default=ServerConfig(), description="Where HTTP is served.")
    backend: BackendConfig = Field(
        default=BackendConfig(), description="Where messages and state are kept."
    )
    process_pool: ProcessPoolConfig = Field(
        default=ProcessPoolConfig(), description="Processes for listeners that compute."
    )
    llm: LLMConfig = Field(default=LLMConfig(), description="How models are reached.")
    require_signature: bool = Field(
        default=False, description="Refuse every message from outside that is not signed."
    )
    trusted_keys: dict[str, str] = Field(
        default={}, description="Sender to the file of its Ed25519 public key (PEM)."
    )
    listeners: Annotated[tuple[ListenerConfig, ...], Field(strict=False)] = Field(
        default=(), description="What lives in it."
    )

    @model_validator(mode="before")
    @classmethod
    def _older_names(cls, data: object) -> object:
        """Copy values given under an older name to the key that is read."""
        if not isinstance(data, Mapping):
            return data
        about = data.get("organism")
        port = about.get("port") if isinstance(about, Mapping) else getattr(about, "port", None)
        data = _with_default(data, "budget", "tokens", data.get("max_tokens_per_thread"))
        return _with_default(data, "server", "port", port)

    @model_validator(mode="after")
    def _one_truth(self) -> Self:
        """Refuse a value that is given under both of its names, and differs."""
        if self.max_tokens_per_thread not in (None, self.budget.tokens):
            raise ValueError("max_tokens_per_thread and budget.tokens differ: write only one")
        if self.organism.port not in (None, self.server.port):
            raise ValueError("organism.port and server.port differ: write only server.port")
        return self


def _with_default(
    data: Mapping[str, Any], section: str, key: str, value: object
) -> Mapping[str, Any]:
    """Return ``data`` with ``value`` under ``section`` and ``key``, unless one stands there."""
    given = data.get(section, {})
    if isinstance(given, BaseModel):
        given = given.model_dump(exclude_unset=True)
    if type(value) is not int or not isinstance(given, Mapping) or key in given:
        return data
    return {**data, section: {**given, key: value}}


def config_json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of an organism file."""
    schema = OrganismConfig.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
