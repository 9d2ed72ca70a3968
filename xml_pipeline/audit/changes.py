"""What a configuration changes of the one before it, as the audit log tells it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from xml_pipeline.config import OrganismConfig
from xml_pipeline.listener import Listener


def reach(listeners: Iterable[Listener]) -> dict[str, list[str]]:
    """Return whom each listener may address."""
    return {each.name: sorted(each.peers) for each in listeners}


def changes(
    before: Iterable[Listener],
    after: Iterable[Listener],
    old: OrganismConfig,
    new: OrganismConfig,
) -> dict[str, Any]:
    """Return which listeners come, go or are others, who may address whom, and which settings.

    What stays the same is left out. Of settings only the names are told: values may be secret.
    """
    was, will = ({each.name: each for each in some} for some in (before, after))
    both = [name for name in will if name in was]
    told = {
        "added": reach(will[name] for name in will if name not in was),
        "removed": sorted(was.keys() - will.keys()),
        "changed": sorted(name for name in both if was[name] is not will[name]),
        "peers": {name: diff for name in both if (diff := _peers(was[name], will[name]))},
        "settings": [
            name
            for name in OrganismConfig.model_fields
            if name != "listeners" and getattr(old, name) != getattr(new, name)
        ],
    }
    return {key: value for key, value in told.items() if value}


def _peers(old: Listener, new: Listener) -> Mapping[str, list[str]]:
    was, will = set(old.peers), set(new.peers)
    told = {"added": sorted(will - was), "removed": sorted(was - will)}
    return {key: names for key, names in told.items() if names}
