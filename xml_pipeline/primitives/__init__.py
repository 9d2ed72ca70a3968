"""System listeners: what every organism can do without anybody writing a handler.

Each is an ordinary listener whose thread is all it needs: nothing is registered while it
works, and nothing is left to clean up. What is sent on somebody's behalf is sent with that
requester's peers, so nobody gains reach by asking.
"""

from __future__ import annotations

from typing import Protocol

from xml_pipeline.events import Events
from xml_pipeline.journal import Journal
from xml_pipeline.listener import Listener
from xml_pipeline.payload import RawPayload
from xml_pipeline.primitives.approval import AskForApproval
from xml_pipeline.primitives.blackboard import UseBlackboard
from xml_pipeline.primitives.boot import log_boot
from xml_pipeline.primitives.buffer import RunBuffer
from xml_pipeline.primitives.compatible import misfit
from xml_pipeline.primitives.payloads import (
    BlackboardError,
    BlackboardList,
    BlackboardRead,
    BlackboardText,
    BlackboardWrite,
    BufferComplete,
    BufferDispatched,
    BufferError,
    BufferStart,
    SequenceComplete,
    SequenceError,
    SequenceRequest,
    SequenceStart,
    SquadComplete,
    SquadError,
    SquadMember,
    SquadResult,
    SquadStart,
    TimerError,
    TimerStart,
    TodoClosed,
    TodoComplete,
    TodoRegistered,
    TodoUntil,
)
from xml_pipeline.primitives.reach import Reach
from xml_pipeline.primitives.sequence import RunSequence
from xml_pipeline.primitives.squad import RunSquad
from xml_pipeline.primitives.timer import SetTimer
from xml_pipeline.primitives.todo import CloseTodo, RegisterTodo
from xml_pipeline.registries.blackboards import Blackboards
from xml_pipeline.registries.consent import Consent
from xml_pipeline.registries.listeners import Listeners
from xml_pipeline.registries.threads import Threads
from xml_pipeline.registries.todos import Todos
from xml_pipeline.system import APPROVAL, ApprovalDecision, Boot, SystemError, ThreadEnded

__all__ = [
    "BlackboardError",
    "BlackboardList",
    "BlackboardRead",
    "BlackboardText",
    "BlackboardWrite",
    "Boot",
    "BufferComplete",
    "BufferDispatched",
    "BufferError",
    "BufferStart",
    "SequenceComplete",
    "SequenceError",
    "SequenceRequest",
    "SequenceStart",
    "SquadComplete",
    "SquadError",
    "SquadMember",
    "SquadResult",
    "SquadStart",
    "TimerError",
    "TimerStart",
    "TodoClosed",
    "TodoComplete",
    "TodoRegistered",
    "TodoUntil",
    "system_listeners",
]


class Registries(Protocol):
    """What the system listeners need of an organism."""

    @property
    def listeners(self) -> Listeners: ...
    @property
    def threads(self) -> Threads: ...
    @property
    def todos(self) -> Todos: ...
    @property
    def blackboards(self) -> Blackboards: ...
    @property
    def consent(self) -> Consent: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def events(self) -> Events: ...


def system_listeners(registries: Registries) -> tuple[Listener, ...]:
    """Return the listeners that every organism has."""
    reach = Reach(registries.listeners, registries.threads)
    return (
        Listener(
            "system.boot",
            Boot,
            log_boot,
            description="Notes in the log that the organism has started.",
            broadcast=True,
        ),
        *_todo_listeners(registries),
        _blackboard_listener(registries),
        *_sequence_listeners(reach),
        *_side_by_side_listeners(reach),
        Listener(
            "system.timer",
            (TimerStart, RawPayload),
            SetTimer(reach),
            description="Delivers a payload later: back to you, or to one of your peers.",
            output=(RawPayload, TimerError),
            acts_for_caller=True,
        ),
        _approval_listener(registries),
    )


_OUTCOMES = (SystemError, ThreadEnded, RawPayload)
"""What may become of a message that a primitive has sent: any payload, a fault, or nothing."""


def _blackboard_listener(registries: Registries) -> Listener:
    return Listener(
        "system.blackboard",
        (BlackboardWrite, BlackboardRead, BlackboardList),
        UseBlackboard(registries.listeners, registries.threads, registries.blackboards),
        description=(
            "A blackboard for all who work at the same task: write what the others should "
            "know, and read what they have found out."
        ),
        output=(BlackboardText, BlackboardError),
    )


def _todo_listeners(registries: Registries) -> tuple[Listener, ...]:
    return (
        Listener(
            "system.todo",
            TodoUntil,
            RegisterTodo(registries.threads, registries.todos),
            description="Reminds you of something you wait for, once it seems to have come.",
            output=TodoRegistered,
        ),
        Listener(
            "system.todo-complete",
            TodoComplete,
            CloseTodo(registries.threads, registries.todos),
            description="Closes a todo, so that you are not reminded of it any more.",
            output=TodoClosed,
        ),
    )


def _approval_listener(registries: Registries) -> Listener:
    listeners, threads, consent = registries.listeners, registries.threads, registries.consent
    clock, events = registries.journal.clock, registries.events
    return Listener(
        APPROVAL,
        (ApprovalDecision, RawPayload),
        AskForApproval(listeners, threads, consent, clock, events),
        description="Has a call decided on by somebody, and passes it on if it may go on.",
        output=RawPayload,
        acts_for_caller=True,
    )


def _side_by_side_listeners(reach: Reach) -> tuple[Listener, ...]:
    return (
        Listener(
            "system.buffer",
            (BufferStart, *_OUTCOMES),
            RunBuffer(reach),
            description=(
                "Gives many items to one of your peers, several at a time, and brings all "
                "results back together, in the order of the items."
            ),
            output=(BufferComplete, BufferDispatched, BufferError),
            acts_for_caller=True,
        ),
        Listener(
            "system.squad",
            (SquadStart, *_OUTCOMES),
            RunSquad(reach),
            description=(
                "Gives several of your peers something to do, each its own, side by side and "
                "with a blackboard that only they share; brings all results back together."
            ),
            output=(SquadComplete, SquadError),
            acts_for_caller=True,
            opens_blackboard=True,
        ),
    )


def _sequence_listeners(reach: Reach) -> tuple[Listener, ...]:
    output = (SequenceComplete, SequenceError)
    return (
        Listener(
            "system.sequence",
            (SequenceStart, *_OUTCOMES),
            RunSequence(SequenceStart, reach),
            description=(
                "Gives a payload to the first of your peers that you name, its answer to the "
                "next, and so on; brings the last answer back."
            ),
            output=output,
            acts_for_caller=True,
        ),
        Listener(
            "system.sequence.factory",
            (SequenceRequest, *_OUTCOMES),
            RunSequence(SequenceRequest, reach, misfit),
            description=(
                "Does what system.sequence does, after checking that each step accepts what "
                "the one before it answers; tells you what does not fit before anything runs."
            ),
            output=output,
            acts_for_caller=True,
        ),
    )
