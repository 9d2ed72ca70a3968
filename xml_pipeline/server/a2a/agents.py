"""Who is exposed at present, and who of them a message is meant for."""

from __future__ import annotations

from collections.abc import Mapping

from a2a.types.a2a_pb2 import Message
from a2a.utils.errors import InvalidParamsError, UnsupportedOperationError
from google.protobuf.json_format import MessageToDict

from xml_pipeline.listener import Listener
from xml_pipeline.organism import Organism
from xml_pipeline.server.a2a.exposed import Exposed, exposed

SKILL = "skill"
"""Names, in the metadata of a message to the organism as a whole, whom it is meant for."""


class Agents:
    """The listeners of an organism that are agents for A2A clients."""

    def __init__(self, organism: Organism) -> None:
        self._organism = organism
        self._drawn_from: tuple[Listener, ...] = ()
        self._all: Mapping[str, Exposed] = {}

    def all(self) -> Mapping[str, Exposed]:
        """Return all of them, by name."""
        listeners = self._organism.kernel.listeners
        if self._drawn_from != tuple(listeners):
            self._drawn_from, self._all = tuple(listeners), exposed(listeners)
        return self._all

    @property
    def default(self) -> Exposed | None:
        """Return whom a message is meant for that names nobody."""
        named = self._organism.config.a2a.default
        found = self.all()
        first = next(iter(found.values()), None)
        return first if named is None else found.get(named, first)

    def addressed(self, name: str, message: Message) -> Exposed:
        """Return whom a message is meant for; an A2AError where that is nobody."""
        skill = name or MessageToDict(message.metadata).get(SKILL)
        agent = self.default if skill is None else self.all().get(str(skill))
        if agent is None and name:
            raise UnsupportedOperationError(f"There is no agent {name!r} any more.")
        if agent is None:
            raise InvalidParamsError("metadata.skill: the card has no such skill.")
        return agent
