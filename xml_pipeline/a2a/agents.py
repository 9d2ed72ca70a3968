"""The agents elsewhere that an organism file names, each as a listener.

Nothing is connected to here: what was approved lies in a file beside the organism's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from xml_pipeline.a2a.cards import Card, UnusableCard, description_of, interface_of, read_pins
from xml_pipeline.a2a.connection import Connection
from xml_pipeline.a2a.handler import ATTEMPTS, DELAYS, AgentHandler
from xml_pipeline.a2a.payloads import A2aAnswer, A2aMessage
from xml_pipeline.builtin import Misconfigured
from xml_pipeline.commons import Commons
from xml_pipeline.config import A2aAgentConfig, Finding, OrganismConfig
from xml_pipeline.listener import Listener
from xml_pipeline.tool_error import ToolError


def listeners(config: OrganismConfig, folder: Path, commons: Commons) -> tuple[Listener, ...]:
    """Return a listener for each agent whose card was approved.

    Misconfigured tells of those of which nothing is approved, or that cannot be spoken to.
    """
    pins = read_pins(folder / config.a2a.pins)
    agents = config.a2a.agents
    findings = [
        Finding(("a2a", "agents", name), words)
        for name, each in agents.items()
        if (words := _problem(name, each, pins))
    ]
    if findings:
        raise Misconfigured(findings)
    most = config.limits.message_bytes
    return tuple(_listener(name, each, pins[name], most, commons) for name, each in agents.items())


def _problem(name: str, config: A2aAgentConfig, pins: Mapping[str, Card]) -> str:
    if name not in pins:
        words = f"nothing of {name} is approved: `xml-pipeline a2a pin` shows its card"
        return f"{words}, and approves it"
    try:
        interface_of(pins[name], config)
    except UnusableCard as error:
        return str(error)
    return ""


def _listener(
    name: str, config: A2aAgentConfig, card: Card, most: int, commons: Commons
) -> Listener:
    connection = commons.get(("a2a agent", name, config), lambda: Connection(name, config))
    return Listener(
        name,
        A2aMessage,
        AgentHandler(connection, card, most),
        description=description_of(name, card),
        expose=config.expose,
        timeout=config.timeout,
        output=(A2aAnswer, ToolError),
        max_deliveries=ATTEMPTS,
        retry_delays=DELAYS,
        acts_outside=True,
    )
