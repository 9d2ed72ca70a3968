"""What a tool answers that could not do what it was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import MaxLen

from xml_pipeline.payload import xmlify


@xmlify
@dataclass(frozen=True, slots=True)
class ToolError:
    """A tool could not do what it was asked, and says why to whoever asked.

    An answer and no fault: that a file is not there, or a command fails, is what tools are asked
    to find out. An agent's model is shown the words, as an error.
    """

    message: Annotated[str, MaxLen(200_000)]
