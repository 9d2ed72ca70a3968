"""System listeners: what every organism can do without anybody writing a handler."""

from __future__ import annotations

from xml_pipeline.listener import Listener


def system_listeners(kernel: object) -> tuple[Listener, ...]:
    return ()
