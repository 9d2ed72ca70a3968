"""Built-in listeners: how a plug-in tells the blueprint what handles a listener.

A module of a room whose plug-ins may be handlers (``tools:shell``, ``agents:loop``) has a
function ``configured(plan) -> Built``. It raises ConfigError with what is wrong, each problem a
sentence that may begin with the name of a key in backquotes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xml_pipeline.commons import Commons
from xml_pipeline.config import ListenerConfig, OrganismConfig
from xml_pipeline.listener import Handler


@dataclass(frozen=True, slots=True)
class Plan:
    """What a built-in listener is to be made from.

    ``folder`` is where the organism file lies; ``accepts`` and ``output`` are the payload classes
    that it names, none where it leaves that to the plug-in.
    """

    listener: ListenerConfig
    organism: OrganismConfig
    folder: Path
    commons: Commons
    accepts: tuple[type, ...] = ()
    output: tuple[type, ...] = ()


@dataclass(frozen=True, slots=True)
class Built:
    """What handles a built-in listener, what it takes, and what it answers with.

    ``peers`` are those that it needs beside the ones its file names; ``acts_for_caller`` as in
    ``Listener``; ``timeout`` is for a listener whose file names none.
    """

    handler: Handler
    accepts: tuple[type, ...]
    output: tuple[type, ...] = ()
    peers: tuple[str, ...] = ()
    acts_for_caller: bool = False
    timeout: float | None = None


Configured = Callable[[Plan], Built]
