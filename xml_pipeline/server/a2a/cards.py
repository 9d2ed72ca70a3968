"""Agent cards: what is said of the organism and of each of its agents to whoever finds them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types.a2a_pb2 import (
    AgentCapabilities,
    AgentCard,
    AgentExtension,
    AgentInterface,
    AgentSkill,
    HTTPAuthSecurityScheme,
    SecurityRequirement,
    SecurityScheme,
    StringList,
)
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct
from starlette.requests import Request
from starlette.responses import Response

from xml_pipeline.server.a2a.exposed import DATA, TEXT, Exposed

SCHEMAS = "https://xml-pipeline.org/a2a/schemas/v1"
"""The extension that tells, of each skill, the JSON Schemas of the data that it takes."""

VERSION = "0.1.0"
SPOKEN = ("1.0", "0.3")
"""Versions of the protocol, the one we like best first."""

ROOT = "/a2a"
_FRESH = "max-age=60"


def card_of_one(agent: Exposed, base: str, spoken: Sequence[str] = SPOKEN) -> AgentCard:
    """Return the card of one agent; ``base`` is the address of the server."""
    here = f"{base}{ROOT}/{agent.name}"
    interfaces = [*_interfaces(here, spoken), _interface(here, "HTTP+JSON", "1.0")]
    about = agent.listener.description
    return _card(agent.name, about, interfaces, [agent])


def card_of_all(
    name: str,
    default: Exposed,
    agents: Sequence[Exposed],
    base: str,
    spoken: Sequence[str] = SPOKEN,
) -> AgentCard:
    """Return the card of an organism; what names no skill is for the default one."""
    rest = _interface(f"{base}{ROOT}/{default.name}", "HTTP+JSON", "1.0")
    about = f"{name}: {', '.join(each.name for each in agents)}. {default.listener.description}"
    return _card(name, about, [*_interfaces(f"{base}{ROOT}", spoken), rest], agents)


def card_response(card: AgentCard, request: Request) -> Response:
    """Return a card as every dialect that it names has it, or that the client has it already."""
    body = json.dumps(agent_card_to_dict(card), sort_keys=True, ensure_ascii=False).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": _FRESH}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def _card(
    name: str, about: str, interfaces: Sequence[AgentInterface], agents: Sequence[Exposed]
) -> AgentCard:
    scheme = HTTPAuthSecurityScheme(scheme="bearer", description="The organism's token.")
    return AgentCard(
        name=name,
        description=about,
        version=VERSION,
        supported_interfaces=interfaces,
        capabilities=AgentCapabilities(
            streaming=True, push_notifications=True, extensions=[_schemas(agents)]
        ),
        security_schemes={"token": SecurityScheme(http_auth_security_scheme=scheme)},
        security_requirements=[SecurityRequirement(schemes={"token": StringList()})],
        default_input_modes=_modes(agents),
        default_output_modes=[TEXT, DATA],
        skills=[_skill(each) for each in agents],
    )


def _skill(agent: Exposed) -> AgentSkill:
    listener = agent.listener
    return AgentSkill(
        id=agent.name,
        name=agent.name,
        description=listener.description,
        tags=["agent" if listener.agent else "tool"],
        input_modes=agent.modes,
        output_modes=[TEXT, DATA],
    )


def _modes(agents: Iterable[Exposed]) -> list[str]:
    return list(dict.fromkeys(mode for each in agents for mode in each.modes))


def _schemas(agents: Iterable[Exposed]) -> AgentExtension:
    said = {
        each.name: {tag: codec.json_schema() for tag, codec in each.requests.items()}
        for each in agents
    }
    about = "JSON Schemas of the data that each skill takes."
    return AgentExtension(uri=SCHEMAS, description=about, params=ParseDict(said, Struct()))


def _interfaces(url: str, spoken: Sequence[str]) -> list[AgentInterface]:
    return [_interface(url, "JSONRPC", version) for version in spoken]


def _interface(url: str, binding: str, version: str) -> AgentInterface:
    return AgentInterface(url=url, protocol_binding=binding, protocol_version=version)
