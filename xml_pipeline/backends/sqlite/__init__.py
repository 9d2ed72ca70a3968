"""A backend in one SQLite file: what ``run`` uses unless it is told otherwise.

Write-ahead log, one transaction a commit. With ``synchronous=NORMAL`` what is committed
survives the death of the process; with FULL, which is slower, also that of the machine. The
log is folded into the file by a thread of its own, so that no commit waits for the disk.
"""

from __future__ import annotations

from xml_pipeline.backends.sqlite.file import fold
from xml_pipeline.backends.sqlite.store import SqliteBackend, configured

__all__ = ["SqliteBackend", "configured", "fold"]
