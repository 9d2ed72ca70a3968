"""The guard: whether a message that a listener may send may really be sent, with what is in it."""

from __future__ import annotations

from functools import cache
from typing import Any

from lxml import etree

from xml_pipeline.errors import Denied
from xml_pipeline.listener import Listener
from xml_pipeline.message import Envelope
from xml_pipeline.payload import Codec
from xml_pipeline.registries.arguments import Arguments, canonical
from xml_pipeline.registries.permissions import Permissions
from xml_pipeline.system import APPROVAL
from xml_pipeline.thread import Thread


class Guard:
    """Judges what is sent, one addressee after another, by the rules that hold on its thread.

    What somebody has allowed is not asked about again; a rule that denies holds all the same.
    """

    __slots__ = ("_permissions",)

    def __init__(self, permissions: Permissions) -> None:
        self._permissions = permissions

    @property
    def active(self) -> bool:
        """Tell whether there is any rule at all."""
        return self._permissions.active

    def must_ask(
        self, envelope: Envelope, thread: Thread, target: Listener, codec: Codec[Any] | None
    ) -> bool:
        """Tell whether somebody has to be asked.

        Raises Denied, or InvalidPayload where the payload is none of the addressee's.
        """

        @cache
        def call() -> Arguments:
            return arguments_of(envelope, codec)

        verdict = self._permissions.verdict(thread, target.name, call)
        if verdict.action == "deny":
            words = f"this call of {target.name} is not permitted."
            raise Denied(words, f"{thread.callee} to {target.name}: {verdict.why}")
        if verdict.action == "allow" or thread.callee == APPROVAL:
            return False
        call()  # What its addressee would not understand is nothing to decide.
        return True


def arguments_of(envelope: Envelope, codec: Codec[Any] | None) -> Arguments:
    """Return what is in a payload, as whoever reads it with ``codec`` understands it."""
    xml = etree.tostring(envelope.payload, method="c14n", exclusive=True, with_comments=False)
    return Arguments(canonical(xml, codec))
