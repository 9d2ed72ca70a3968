"""What is written besides the stories of conversations."""

from __future__ import annotations

from dataclasses import dataclass, field

from xml_pipeline.backends import DeadLetter, Mark


@dataclass(slots=True)
class Besides:
    """Dead letters that are laid aside, those that are kept no longer by their ids, and marks."""

    letters: list[DeadLetter] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.letters or self.marks or self.dropped)
