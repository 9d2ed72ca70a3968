"""The sections of an organism file, all but its listeners."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from xml_pipeline.config.values import (
    MIB,
    Count,
    Days,
    Dollars,
    HttpUrl,
    ImportPaths,
    Megabytes,
    NotBlank,
    PluginName,
    Port,
    Retention,
    Seconds,
    Section,
)


class OrganismInfo(Section):
    """Who the organism is."""

    name: NotBlank = Field(default="unnamed", description="Its name, for people.")
    identity: str = Field(
        default="", description="File of the Ed25519 private key (PEM) that signs for it."
    )
    port: Port | None = Field(
        default=None, description="Older name of `server.port`; write one of the two."
    )


class BudgetConfig(Section):
    """What one conversation may spend, over all of its threads."""

    tokens: Count = Field(default=100_000, description="Tokens of language models.")
    hops: Count = Field(default=50, description="Hops from the first message to the last.")
    messages: Count = Field(default=10_000, description="Messages in all.")
    seconds: Seconds | None = Field(
        default=None, description="Seconds from its first message on; empty: no limit."
    )
    usd: Dollars | None = Field(default=None, description="US dollars; empty: no limit.")


class LimitsConfig(Section):
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


class PipelineConfig(Section):
    """Steps of yours, run after the built-in ones of the same station."""

    envelope: ImportPaths = Field(
        default=(), description="Import paths of steps from Envelope to Envelope."
    )
    delivery: ImportPaths = Field(
        default=(), description="Import paths of steps from Delivery to Delivery."
    )


class ServerConfig(Section):
    """Where HTTP is served."""

    bind: NotBlank = Field(default="127.0.0.1", description="Address to listen on.")
    port: Port = Field(default=8765, description="Port to listen on; 0 takes a free one.")
    token_env: NotBlank = Field(
        default="XML_PIPELINE_TOKEN",
        description="Environment variable that holds the bearer token.",
    )


class AuditConfig(Section):
    """Where it is written down who did what to the organism."""

    enabled: bool = Field(
        default=True,
        description="Write it down: where `path` says, and `run` in the state directory otherwise.",
    )
    path: str | None = Field(
        default=None, description="File of the audit log; it is only ever added to."
    )
    part_mb: Megabytes | None = Field(
        default=100.0,
        description="Megabytes after which the log goes on in another file, its chain unbroken;"
        " empty: in the same one for ever.",
    )
    part_days: Days | None = Field(
        default=None, description="Days after which it goes on in another file; empty: never."
    )


class BackendConfig(Section):
    """Where the journal is written, from which the organism goes on after a restart."""

    type: PluginName | None = Field(
        default=None,
        description="`memory` (nothing outlives the process), `sqlite`, `redis`, `postgres`, or"
        " the name of a plug-in; empty: `sqlite` for `run`, else `memory`.",
        examples=["memory", "sqlite", "redis", "postgres"],
    )
    path: NotBlank | None = Field(
        default=None,
        description="SQLite file, as seen from the organism's; empty: one in the state directory.",
    )
    retention: Retention = Field(
        default=7.0,
        description="Days for which a conversation that has ended can still be read; `keep`: for"
        " ever; `prune`: it is removed as it ends.",
    )
    durability: Literal["usual", "required"] = Field(
        default="usual",
        description="`usual`: what was accepted outlives the process. `required`: it outlives the"
        " machine as well; each commit waits for the disk, and a server that promises less is"
        " refused.",
    )
    redis_url: str = Field(
        default="redis://localhost:6379", repr=False, description="Where Redis is."
    )
    redis_prefix: str = Field(default="xp:", description="Begins every key in Redis.")
    dsn: str | None = Field(
        default=None, validate_default=True, repr=False, description="Where PostgreSQL is."
    )
    url: str | None = Field(
        default=None, repr=False, description="Where the server of a plug-in backend is."
    )

    @field_validator("dsn")
    @classmethod
    def _place_is_known(cls, dsn: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("type") == "postgres" and not dsn:
            raise ValueError('is missing: a "postgres" backend needs it')
        return dsn


class ProcessPoolConfig(Section):
    """Worker processes for listeners that are `cpu_bound`."""

    enabled: bool = Field(
        default=True,
        description="Start workers when a listener is `cpu_bound`; if not, it is refused.",
    )
    workers: Count = Field(
        default=4, description="Processes that work at one time; one more is kept ready."
    )
    long_jobs: Count | None = Field(
        default=None,
        description="Deliveries that take long and keep no other waiting: each in a process more,"
        " started when there is one; empty: twice as many as `workers`.",
    )
    long_after: Seconds = Field(
        default=0.05, description="Seconds after which a delivery is one that takes long."
    )
    max_tasks_per_child: Count = Field(
        default=1000, description="Deliveries after which a process is replaced."
    )
    memory_mb: Annotated[int, Field(ge=256)] | None = Field(
        default=None,
        description="Megabytes of address space that a process may take; empty: no limit.",
    )
    deadline: Seconds | None = Field(
        default=None,
        description="Seconds after which a process is killed with the delivery it is busy with;"
        " empty: the listener's timeout.",
    )

    def most_long_jobs(self, workers: int) -> int:
        """Return how many long jobs there may be beside so many workers."""
        return 2 * workers if self.long_jobs is None else self.long_jobs


class TelemetryConfig(Section):
    """Where it is told, as spans of OpenTelemetry, what agents do."""

    otlp_endpoint: HttpUrl | None = Field(
        default=None,
        description="Base address of an OTLP/HTTP receiver, such as `http://localhost:4318`;"
        " needs the extra `otel`. Empty: nothing is sent.",
    )
    service_name: NotBlank | None = Field(
        default=None, description="Name of the service in traces; empty: the organism's."
    )
    observability: Literal["production", "analysis", "debug"] = Field(
        default="production",
        description="What spans hold. `production`: names and durations. `analysis`: also tokens"
        " and cost. `debug`: also what was said, cut at 4096 characters.",
    )


class WorkspaceConfig(Section):
    """Where tools have their files: a folder for each tenant, user and conversation."""

    root: NotBlank | None = Field(
        default=None,
        description="Folder below which all of them lie, as seen from the organism's file.",
    )
    template: NotBlank | None = Field(
        default=None, description="Folder whose files each new one begins with."
    )
    per: Literal["conversation", "user", "tenant"] = Field(
        default="conversation",
        description="Who shares a folder: the agents of one conversation, all conversations of one"
        " user, or all users of one tenant.",
    )
