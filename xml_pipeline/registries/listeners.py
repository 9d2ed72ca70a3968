"""Listeners: who there is, who may address whom, and who hears a payload without an addressee."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from xml_pipeline.errors import PayloadDefinitionError, UnknownListener
from xml_pipeline.listener import Listener, Peer
from xml_pipeline.names import RESERVED_NAMES
from xml_pipeline.payload import Codec
from xml_pipeline.system import APPROVAL, SYSTEM, SYSTEM_PAYLOADS
from xml_pipeline.thread import Thread


class Listeners:
    """The listeners of an organism, replaced as a whole.

    A change never edits the tables that a message may just be looking at: it builds new
    ones, checks them, and puts them in place in one assignment each.
    """

    __slots__ = ("_accepting", "_by_name", "_groups", "_known_peers", "_usage")

    def __init__(self, listeners: Iterable[Listener] = ()) -> None:
        self._by_name: Mapping[str, Listener] = {}
        self._groups: Mapping[str, tuple[Listener, ...]] = {}
        self._accepting: Mapping[str, tuple[Listener, ...]] = {}
        self._usage: dict[str, str] = {}
        self._known_peers: dict[str, tuple[Peer, ...]] = {}
        self.replace(listeners)

    def __iter__(self) -> Iterator[Listener]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def get(self, name: str) -> Listener:
        """Return the listener of that name; UnknownListener otherwise."""
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownListener(f"no listener {name!r}") from None

    def find(self, name: str) -> Listener | None:
        """Return the listener of that name, None where there is none."""
        return self._by_name.get(name)

    def named(self, name: str) -> tuple[Listener, ...]:
        """Return whom a name means: one listener, the members of a group, or nobody.

        Who has calls decided on is addressed by the pump only, which needs no name.
        """
        if name == APPROVAL:
            return ()
        listener = self._by_name.get(name)
        return (listener,) if listener is not None else self._groups.get(name, ())

    def accepting(self, tag: str) -> tuple[Listener, ...]:
        """Return who hears a payload sent to nobody in particular."""
        return self._accepting.get(tag, ())

    def replace(self, listeners: Iterable[Listener]) -> None:
        """Put other listeners in place of all present ones.

        Raises ValueError where two share a name, a group has the name of a listener, or one
        is called as the pump or the outside is: it would speak with their voice.
        """
        by_name: dict[str, Listener] = {}
        groups: dict[str, tuple[Listener, ...]] = {}
        for listener in listeners:
            if by_name.setdefault(listener.name, listener) is not listener:
                raise ValueError(f"two listeners are called {listener.name!r}")
            if listener.name in RESERVED_NAMES:
                raise ValueError(f"no listener may be called {listener.name!r}")
            if listener.group is not None:
                groups[listener.group] = (*groups.get(listener.group, ()), listener)
        if clash := sorted(by_name.keys() & groups.keys()):
            raise ValueError(f"both a listener and a group are called {clash[0]!r}")
        self._accepting = _by_payload(by_name.values())
        self._groups = groups
        self._by_name = by_name
        self._usage = {}
        self._known_peers = {}

    def add(self, listener: Listener) -> None:
        """Add one listener; ValueError where its name is taken."""
        self.replace((*self._by_name.values(), listener))

    def remove(self, name: str) -> Listener:
        """Remove one listener and return it; UnknownListener where there is none."""
        gone = self.get(name)
        self.replace(each for each in self._by_name.values() if each is not gone)
        return gone

    def permits(self, sender: Listener, target: Listener) -> bool:
        """Tell whether ``sender`` lists ``target``, its group, or anyone among its peers."""
        reach = sender.reach
        return reach is None or target.name in reach or target.group in reach

    def permitted(
        self, sender: Listener | None, thread: Thread, targets: Iterable[Listener]
    ) -> list[Listener]:
        """Keep the targets that ``sender``, the callee of ``thread``, may address.

        One that acts for its caller is held to the peers of whoever called it, at first hand.
        """
        asking: Thread | None = thread
        while sender is not None and sender.acts_for_caller:
            asking = asking.parent if asking is not None else None
            if asking is None or not asking.callee:
                return [each for each in targets if not each.name.startswith(f"{SYSTEM}.")]
            sender = self.find(asking.callee)
        if sender is None:
            return []
        return [each for each in targets if self.permits(sender, each)]

    def peers_of(self, listener: Listener) -> Sequence[Peer]:
        """Return the listeners that one may address and that are there, each once."""
        if self._by_name.get(listener.name) is not listener:
            return self._peers(listener)  # replaced while at work
        peers = self._known_peers.get(listener.name)
        if peers is None:
            peers = self._known_peers[listener.name] = self._peers(listener)
        return peers

    def _peers(self, listener: Listener) -> tuple[Peer, ...]:
        present = (each for each in self._peers_of(listener) if isinstance(each, Listener))
        return tuple(Peer(each, self.requests(each)) for each in dict.fromkeys(present))

    def requests(self, listener: Listener) -> tuple[Codec[Any], ...]:
        """Return what a listener can be asked with: not what others answer it."""
        codecs = [each for each in listener.codecs.values() if each.cls not in SYSTEM_PAYLOADS]
        own_peers = () if listener.reach is None else self._peers_of(listener)
        answers = {cls for each in own_peers if isinstance(each, Listener) for cls in each.outputs}
        return tuple(each for each in codecs if each.cls not in answers) or tuple(codecs)

    def usage_instructions(self, listener: Listener) -> str:
        """Return the text that tells a listener whom it may address, and how."""
        if self._by_name.get(listener.name) is not listener:
            return _usage(listener, self._peers_of(listener))  # replaced while at work
        text = self._usage.get(listener.name)
        if text is None:
            text = self._usage[listener.name] = _usage(listener, self._peers_of(listener))
        return text

    def _peers_of(self, listener: Listener) -> list[Listener | str]:
        if listener.reach is None:
            return [each for each in self if each is not listener and each.name != APPROVAL]
        return [peer for name in listener.peers for peer in self.named(name) or (name,)]


def _by_payload(listeners: Iterable[Listener]) -> Mapping[str, tuple[Listener, ...]]:
    accepting: dict[str, list[Listener]] = {}
    for listener in listeners:
        for tag in listener.codecs:
            accepting.setdefault(tag, []).append(listener)
    return {
        tag: tuple(each for each in who if each.broadcast) or (tuple(who) if len(who) == 1 else ())
        for tag, who in accepting.items()
    }


def _usage(listener: Listener, peers: Iterable[Listener | str]) -> str:
    parts = [f"You are {listener.name}: {listener.description}"]
    for peer in peers:
        if isinstance(peer, str):
            parts.append(f"{peer}: not registered at present.")
            continue
        parts.append(f"{peer.name}: {peer.description}")
        for codec in peer.codecs.values():
            if codec.cls in SYSTEM_PAYLOADS:
                continue  # Only the pump sends those.
            parts.append(f"Schema of <{codec.tag}>:\n{codec.xsd.decode().strip()}")
            with suppress(PayloadDefinitionError):  # An imported schema may have no example.
                parts.append(f"Example:\n{codec.example_xml().decode()}")
    parts.append(
        "Answering your caller ends this thread and all the work you asked for below it: "
        "wait for the answers you need before you answer."
    )
    return "\n\n".join(parts)
