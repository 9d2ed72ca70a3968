"""The journal: how each conversation came to be as it is, line by line, in a backend.

``writing.Journal`` takes notes while the pump works, and commits them before anything that
depends on them is done; ``reading`` makes of the lines what is known of a conversation.
"""

from __future__ import annotations

from xml_pipeline.journal.writing import Journal

__all__ = ["Journal"]
