"""Section ``evidence``: the packets that proved an incident."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, field_validator

from egret.settings.sections import Section
from egret.settings.units import Duration


class EvidenceSettings(Section):
    """What is kept of the messages that named a flagged service: blanked, small, expiring."""

    enabled: bool = Field(
        default=True,
        description="Keep the messages that named the service of an incident, without cookies, keys, paths and bodies",
    )
    keep: Duration = Field(default=timedelta(days=30), description="Evidence older than this is deleted")
    max_mb: int = Field(
        default=64,
        ge=1,
        le=1_000_000,
        description="MiB on disk at most; the lowest severity goes first, and of one severity the oldest",
    )
    max_incidents: int = Field(default=5000, ge=1, le=1_000_000, description="Incidents with evidence at most")
    per_incident: int = Field(
        default=8, ge=1, le=64, description="Messages that are kept of one incident: the first, each once a minute"
    )

    @field_validator("keep")
    @classmethod
    def _at_least_an_hour(cls, value: timedelta) -> timedelta:
        if value < timedelta(hours=1):
            raise ValueError('at least "1h"')
        return value
