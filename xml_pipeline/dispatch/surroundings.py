"""What a handler is told about the organism around it, on request."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

from xml_pipeline.errors import UnknownListener
from xml_pipeline.events import Event, Events
from xml_pipeline.listener import Delivered, Peer, Spending
from xml_pipeline.registries.budgets import Budgets, Purse
from xml_pipeline.registries.context import Context
from xml_pipeline.registries.listeners import Listeners
from xml_pipeline.registries.notes import Notes, Page
from xml_pipeline.registries.prompts import Prompts
from xml_pipeline.registries.todos import Todos
from xml_pipeline.schedule import Scheduler
from xml_pipeline.thread import Thread


class OrganismView:
    """Answers ``HandlerMetadata`` from the registries."""

    __slots__ = ("_budgets", "_events", "_listeners", "_scheduler", "_todos", "notebook", "prompts")

    def __init__(  # a view over so many registries
        self,
        listeners: Listeners,
        budgets: Budgets,
        todos: Todos,
        scheduler: Scheduler,
        notebook: Notes,
        events: Events,
    ) -> None:
        self.notebook = notebook
        self.prompts = Prompts()
        self._events = events
        self._listeners = listeners
        self._budgets = budgets
        self._todos = todos
        self._scheduler = scheduler

    def usage_instructions(self, delivery: Delivered) -> str:
        """Return whom the listener may address, and how."""
        return self._listeners.usage_instructions(delivery.listener)

    def todo_nudge(self, delivery: Delivered) -> str:
        """Return the reminder of this thread's todos."""
        return self._todos.nudge(delivery.thread)

    def deadline(self, delivery: Delivered) -> datetime | None:
        """Return when the present handler will be stopped."""
        lane = self._scheduler.lanes[delivery.listener.name]
        began = lane.running.get(delivery.thread.current)
        if began is None or lane.timeout == inf:
            return None
        left = began + lane.timeout - asyncio.get_running_loop().time()
        return datetime.now(UTC) + timedelta(seconds=left)

    def budget(self, delivery: Delivered) -> Spending:
        """Return the conversation's budget, for as long as the delivery is not settled."""
        budget = self._budgets.of(delivery.conversation)
        return Purse(budget, delivery, self._budgets.journal)

    def context(self, delivery: Delivered) -> Sequence[Any]:
        """Return the thread's deliveries so far."""
        return Context(delivery.thread.slots)

    def peers(self, delivery: Delivered) -> Sequence[Peer]:
        """Return whom the listener may address."""
        return self._listeners.peers_of(delivery.listener)

    def prompt(self, delivery: Delivered) -> str:
        """Return the listener's prompt; one that was replaced while at work keeps its own."""
        try:
            return self.prompts.get(delivery.listener.name).text
        except UnknownListener:
            return delivery.listener.prompt

    def requester(self, delivery: Delivered) -> str:
        """Return the id of the thread that a delivery is handled for."""
        asking = self._asking(delivery)
        return asking.id if asking is not None else delivery.conversation.id

    def notes(self, delivery: Delivered) -> Page:
        """Return what a listener has noted for the thread that a delivery is handled for."""
        asking = self._asking(delivery) or delivery.thread
        return Page(self.notebook, asking, delivery.listener.name)

    def _asking(self, delivery: Delivered) -> Thread | None:
        at = delivery.thread.parent
        while at is not None and at.parent is not None and self._acts_for_caller(at.callee):
            at = at.parent
        return at

    def _acts_for_caller(self, name: str) -> bool:
        listener = self._listeners.find(name)
        return listener is not None and listener.acts_for_caller

    def watched(self) -> bool:
        """Tell whether anybody watches."""
        return self._events.heard

    def tell(self, event: Event) -> None:
        """Tell those who watch."""
        if self._events.heard:
            self._events.emit(event)
