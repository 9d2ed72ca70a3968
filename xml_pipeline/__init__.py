"""xml-pipeline: an agent runtime on a message pump.

A name is imported when it is first used: ``xml-pipeline --help`` need not load a pump.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml_pipeline.assembly import bootstrap
    from xml_pipeline.config import OrganismConfig
    from xml_pipeline.errors import (
        BudgetExhausted,
        HandlerFailed,
        NoReply,
        Retryable,
        Timeout,
        Undeliverable,
        XmlPipelineError,
    )
    from xml_pipeline.events import (
        AgentState,
        BudgetEvent,
        FaultEvent,
        MessageReceived,
        MessageSent,
        ReloadEvent,
        ThreadEvent,
    )
    from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
    from xml_pipeline.organism import Organism
    from xml_pipeline.payload import RawPayload, payload_from_json_schema, xmlify
    from xml_pipeline.steps.rail import Inserts
    from xml_pipeline.system import SystemError, ThreadEnded  # ours, a payload

__version__ = "0.1.0"

__all__ = [
    "AgentState",
    "BudgetEvent",
    "BudgetExhausted",
    "FaultEvent",
    "HandlerFailed",
    "HandlerMetadata",
    "HandlerResponse",
    "Inserts",
    "Listener",
    "MessageReceived",
    "MessageSent",
    "NoReply",
    "Organism",
    "OrganismConfig",
    "RawPayload",
    "ReloadEvent",
    "Retryable",
    "SystemError",
    "ThreadEnded",
    "ThreadEvent",
    "Timeout",
    "Undeliverable",
    "XmlPipelineError",
    "__version__",
    "bootstrap",
    "payload_from_json_schema",
    "xmlify",
]

_NAMES_BY_HOME = {
    "assembly": "bootstrap",
    "config": "OrganismConfig",
    "errors": "BudgetExhausted HandlerFailed NoReply Retryable Timeout Undeliverable"
    " XmlPipelineError",
    "events": "AgentState BudgetEvent FaultEvent MessageReceived MessageSent ReloadEvent"
    " ThreadEvent",
    "listener": "HandlerMetadata HandlerResponse Listener",
    "organism": "Organism",
    "payload": "RawPayload payload_from_json_schema xmlify",
    "steps.rail": "Inserts",
    "system": "SystemError ThreadEnded",
}
_HOME_OF = MappingProxyType(
    {name: home for home, names in _NAMES_BY_HOME.items() for name in names.split()}
)

if not TYPE_CHECKING:  # else every misspelt name would pass for an `object`

    def __getattr__(name: str) -> object:
        """Import a public name from its home, and keep it (PEP 562)."""
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """List what is loaded, and every public name."""
        return sorted({*globals(), *__all__})
