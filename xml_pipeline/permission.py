"""Permission: one rule about what may be called, and with which arguments. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Action = Literal["allow", "deny", "ask"]
"""To let a call go on, to refuse it, or to have somebody decide."""


@dataclass(frozen=True, slots=True)
class Permission:
    """A rule of a list, in which the first that fits decides.

    ``tool`` is the name of the listener that is called, or a glob (``*``, ``?``, ``[…]``).
    ``arguments`` maps dotted paths of fields to globs that their text has to fit as a whole.
    """

    tool: str
    action: Action
    arguments: Mapping[str, str] = field(default_factory=dict)
