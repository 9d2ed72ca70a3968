"""The way to one agent elsewhere.

The rule this file guards: an agent is asked only if it still describes itself as was approved; and
what nobody waits for any more is cancelled there, too.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time

import httpx
from a2a.client import Client, ClientConfig, ClientFactory
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, Message

from xml_pipeline.a2a.cards import BINDINGS, Card, UnusableCard, card_of, interface_of
from xml_pipeline.a2a.exchange import Ear, Exchange, Heard
from xml_pipeline.a2a.failures import AgentFailed, failure_of
from xml_pipeline.a2a.http import opened
from xml_pipeline.config import A2aAgentConfig

log = logging.getLogger(__name__)

FRESH = 300.0
"""Seconds for which a card is relied upon."""

PLACES = ("agent-card.json", "agent.json")
"""Files below ``.well-known`` that a card may be, the newer first."""

NOT_FOUND = 404


class Connection:
    """One agent, as its listener speaks with it."""

    def __init__(self, name: str, config: A2aAgentConfig) -> None:
        self.name = name
        self._config = config
        self._http: httpx.AsyncClient | None = None
        self._client: Client | None = None
        self._card: Card | None = None
        self._fresh_until = 0.0
        self._looking = asyncio.Lock()
        self._endings: set[asyncio.Task[None]] = set()

    async def converse(self, card: Card, message: Message, ear: Ear, begun: str = "") -> Heard:
        """Send a message and wait for what comes of it; AgentFailed says why nothing does.

        ``begun`` is the task that was made of it before, if it was sent already.
        """
        exchange = Exchange(self.name, await self._checked(card), self._config, ear)
        running = asyncio.create_task(exchange.run(message, begun), name=f"a2a {self.name}")
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            ending = asyncio.create_task(_end(exchange, running), name=f"end of a2a {self.name}")
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)
            raise

    async def card(self) -> Card:
        """Ask the agent for its card; AgentFailed where there is none."""
        try:
            async with asyncio.timeout(self._config.connect_timeout):
                return await self._found()
        except TimeoutError:
            words = f"{self.name} cannot be reached: it does not answer in time"
            raise AgentFailed(words, unsent=True) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            failure = failure_of(self.name, error)
            raise AgentFailed(str(failure), unsent=failure.passing) from None
        except (UnusableCard, ValueError) as error:
            words = str(error) if isinstance(error, UnusableCard) else "its card is no JSON"
            raise AgentFailed(f"{self.name} cannot be had: {words}") from None

    async def aclose(self) -> None:
        """End the connection, once all that is to be cancelled has been."""
        if self._endings:
            await asyncio.wait(self._endings)
        if self._http is not None:
            await self._http.aclose()
            self._http = self._client = None

    async def _checked(self, card: Card) -> Client:
        """Return what speaks with the agent; AgentFailed if that is not who was approved."""
        async with self._looking:
            if time.monotonic() >= self._fresh_until:
                self._card, self._client = await self.card(), None
                self._fresh_until = time.monotonic() + FRESH
            if self._card is None or self._card.digest != card.digest:
                self._fresh_until = 0.0
                log.warning("%s describes itself otherwise than was approved", self.name)
                raise AgentFailed(
                    f"{self.name} describes itself otherwise than was approved, so it was not"
                    " asked. An operator can look at the change, and approve it, with"
                    " `xml-pipeline a2a pin`."
                )
            if self._client is None:
                self._client = self._speaking(card)
            return self._client

    def _speaking(self, card: Card) -> Client:
        at = interface_of(card, self._config)
        known = AgentCard(
            name=card.name,
            capabilities=AgentCapabilities(streaming=card.streams),
            supported_interfaces=[
                AgentInterface(
                    url=at.url,
                    protocol_binding=at.binding,
                    protocol_version=at.version,
                    tenant=at.tenant,
                )
            ],
        )
        config = ClientConfig(
            streaming=self._config.streaming,
            polling=True,
            httpx_client=self._opened(),
            supported_protocol_bindings=list(BINDINGS),
        )
        return ClientFactory(config).create(known)

    async def _found(self) -> Card:
        base = self._config.url.rstrip("/")
        for place in PLACES:
            response = await self._opened().get(f"{base}/.well-known/{place}")
            if response.status_code != NOT_FOUND:
                break
        return card_of(json.loads(response.raise_for_status().content))

    def _opened(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = opened(self._config)
        return self._http


async def _end(exchange: Exchange, running: asyncio.Task[Heard]) -> None:
    """Cancel what nobody waits for any more: there first, then here."""
    await exchange.give_up()
    running.cancel()
    await asyncio.wait((running,))
    if not running.cancelled():
        running.exception()  # Nobody is to be told of it.
