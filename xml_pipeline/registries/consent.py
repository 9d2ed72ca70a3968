"""Consent: the rules about calls, those who can be asked, and what they have decided for always."""

from __future__ import annotations

from dataclasses import dataclass

from xml_pipeline.registries.attendance import Attendance
from xml_pipeline.registries.learned import Learned
from xml_pipeline.registries.permissions import Permissions


@dataclass(frozen=True, slots=True)
class Consent:
    """All that decides whether a call goes on."""

    permissions: Permissions
    attendance: Attendance
    learned: Learned
