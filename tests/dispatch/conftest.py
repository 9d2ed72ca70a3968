"""Every test here may have a project of its own."""

from __future__ import annotations

from tests.assembly.projects import project

__all__ = ["project"]
