"""An organism as a picture: one description of it, written as Mermaid or as DOT."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from xml_pipeline.listener import Listener

ANYONE = "anyone"
SYSTEM = "system."

Shape = Literal["listener", "agent", "system", "anyone"]

_MERMAID: dict[Shape, tuple[str, str]] = {
    "listener": ("[", "]"),
    "agent": ("([", "])"),
    "system": ("[[", "]]"),
    "anyone": ("((", "))"),
}
_DOT: dict[Shape, str] = {
    "listener": "box",
    "agent": "box, style=rounded",
    "system": "box, peripheries=2",
    "anyone": "circle",
}


@dataclass(frozen=True, slots=True)
class Node:
    """A listener, or ``anyone``: its name, the payloads it takes, and its group."""

    name: str
    shape: Shape
    payloads: tuple[str, ...] = ()
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """Who there is, and who may address whom. System listeners appear if somebody uses them."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the groups, in order of appearance."""
        return tuple(dict.fromkeys(node.group for node in self.nodes if node.group))


def draw(listeners: Iterable[Listener]) -> Drawing:
    """Return what a picture of these listeners shows."""
    everyone = tuple(listeners)
    edges = tuple(_edges(everyone))
    used = {target for _, target in edges}
    shown = [_node(each) for each in everyone if not _is_system(each.name) or each.name in used]
    if ANYONE in used and ANYONE not in {node.name for node in shown}:
        shown.append(Node(ANYONE, "anyone"))
    return Drawing(tuple(shown), edges)


def _edges(listeners: Sequence[Listener]) -> Iterator[tuple[str, str]]:
    """Yield who may address whom; a group stands for its members."""
    for listener in listeners:
        if _is_system(listener.name):
            continue
        for peer in listener.peers:
            targets = [each.name for each in listeners if peer in (each.name, each.group)]
            for target in targets if peer != "*" else [ANYONE]:
                yield listener.name, target


def _is_system(name: str) -> bool:
    return name.startswith(SYSTEM)


def _node(listener: Listener) -> Node:
    shape: Shape = "agent" if listener.agent else "listener"
    if _is_system(listener.name):
        shape = "system"
    return Node(listener.name, shape, payload_names(listener), listener.group)


def payload_names(listener: Listener) -> tuple[str, ...]:
    """Return the tags of the payloads that a listener takes."""
    return (*listener.codecs, *(("any payload",) if listener.generic else ()))


def mermaid(drawing: Drawing) -> str:
    """Write a Mermaid flowchart."""
    ids = {node.name: f"n{number}" for number, node in enumerate(drawing.nodes)}
    lines = ["flowchart LR"]
    for number, group in enumerate(drawing.groups):
        members = [node for node in drawing.nodes if node.group == group]
        lines += [
            f'    subgraph g{number}["{group}"]',
            *(f"        {_mermaid_node(ids[node.name], node)}" for node in members),
            "    end",
        ]
    lone = (node for node in drawing.nodes if not node.group)
    lines += [f"    {_mermaid_node(ids[node.name], node)}" for node in lone]
    lines += [f"    {ids[source]} --> {ids[target]}" for source, target in drawing.edges]
    return "\n".join(lines)


def _mermaid_node(id: str, node: Node) -> str:
    opening, closing = _MERMAID[node.shape]
    label = "<br/>".join((f"<b>{node.name}</b>", *node.payloads))
    return f'{id}{opening}"{label}"{closing}'


def dot(drawing: Drawing) -> str:
    """Write a graph for Graphviz."""
    lines = ["digraph organism {", "    rankdir=LR;", '    node [fontname="sans-serif"];']
    for number, group in enumerate(drawing.groups):
        members = [node for node in drawing.nodes if node.group == group]
        lines += [
            f"    subgraph cluster_{number} {{",
            f'        label="{group}";',
            *(f"        {_dot_node(node)}" for node in members),
            "    }",
        ]
    lines += [f"    {_dot_node(node)}" for node in drawing.nodes if not node.group]
    lines += [f'    "{source}" -> "{target}";' for source, target in drawing.edges]
    return "\n".join((*lines, "}"))


def _dot_node(node: Node) -> str:
    label = "\\n".join((node.name, *node.payloads))
    return f'"{node.name}" [label="{label}", shape={_DOT[node.shape]}];'
