"""What an organism holds of its audit log: it may have none, and then nothing is written."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xml_pipeline.audit.chain import Entry, bounded
from xml_pipeline.audit.file import RESERVE, ChainFile, Head, HeadFailed
from xml_pipeline.audit.parts import Extent
from xml_pipeline.errors import AuditFailed
from xml_pipeline.redaction import Redacting, within

log = logging.getLogger(__name__)

_LONGEST = 500
"""Characters of a text of somebody else's that are kept."""


class Trail:
    """Writes down who did what, before it is done. ``on`` tells whether it writes at all.

    ``redact`` takes secrets out of every entry, before it is hashed.
    """

    __slots__ = ("_file", "on", "redact")

    def __init__(self, redact: Redacting | None = None) -> None:
        self.redact = redact if redact is not None else Redacting()
        self._file: ChainFile | None = None
        self.on = False

    def begin(
        self,
        file: Path,
        head: Path | None,
        reserve: int = RESERVE,
        extent: Extent = Extent(),  # noqa: B008  # it is frozen
    ) -> None:
        """Write to a file from now on; AuditFailed where that cannot be.

        What is noticed about it is the first thing written. Where the head cannot be kept, only
        a line that is missing at the end goes unnoticed. ``reserve`` are the bytes of the disk
        that are left for orders, ``extent`` is how much one file holds.
        """
        try:
            self._file = ChainFile(file, head, reserve, extent)
        except HeadFailed as error:
            log.warning("nobody will notice if lines go missing at its end: %s", error)
            self._file = ChainFile(file, None, reserve, extent)
        self.on = True
        for action, problem in self._file.found:
            log.error("audit log %s: %s", file, problem)
            self.order("audit", action, {"problem": problem})

    def order(self, actor: str, action: str, what: Mapping[str, Any]) -> None:
        """Write down what somebody has ordered; it is on the disk when this returns.

        Raises AuditFailed: then it must not be done.
        """
        if self._file is not None:
            self._add(self._file, actor, action, what, durable=True)

    def note(self, actor: str, action: str, **what: str) -> None:
        """Write down something about a message; it outlives this process when this returns.

        A power cut may take it, until the next order is written. Raises AuditFailed: then the
        message must not go on.
        """
        if self._file is not None:
            # Before it is cut: half a secret would not be known for one.
            texts = {key: self.redact(text)[:_LONGEST] for key, text in what.items()}
            self._add(self._file, self.redact(actor)[:_LONGEST], action, texts, durable=False)

    def tell(self, actor: str, action: str, **what: str) -> None:
        """Do as ``note`` does for something that is refused anyway; an error is only logged."""
        try:
            self.note(actor, action, **what)
        except AuditFailed:
            log.critical("not in the audit log: %s of %s", action, actor)

    def end(self) -> None:
        """Write no more."""
        self.on = False
        if self._file is not None:
            self._file.close()
            self._file = None

    def _add(
        self,
        file: ChainFile,
        actor: str,
        action: str,
        what: Mapping[str, Any],
        *,
        durable: bool,
    ) -> None:
        stamp = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

        who, told = self.redact(actor), bounded(within(what, self.redact))

        def entry(head: Head) -> Entry:
            return Entry(head.n + 1, stamp, who, action, told, head.hash)

        try:
            file.add(entry, durable=durable)
        except AuditFailed as error:
            log.critical("the audit log cannot be written: %s", error.detail)
            raise
