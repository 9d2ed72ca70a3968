"""What processes have measured, one file each, before all of it is put together."""

from __future__ import annotations

from pathlib import Path

from coverage import CoverageData
from coverage.exceptions import CoverageException


def drop_torn_data(file: Path) -> None:
    """Remove what a process wrote beside ``file`` while it was killed, and nobody can read.

    Some tests kill processes at any moment, and this is one: what they had measured is lost with
    them, and is no reason for the run to fail.
    """
    for each in file.parent.glob(f"{file.name}.*"):
        if not _is_whole(each):
            each.unlink(missing_ok=True)


def _is_whole(file: Path) -> bool:
    try:
        data = CoverageData(str(file))
        data.read()
        CoverageData(no_disk=True).update(data)
    except CoverageException:
        return False
    return True
