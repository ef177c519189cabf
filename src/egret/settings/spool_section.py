"""``outputs.spool``: how long and how many alerts wait for an output that does not take them."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, field_validator

from egret.settings.sections import Section
from egret.settings.units import Duration


class Spool(Section):
    """What waits for an output that does not take it; each alert is on disk before it is sent."""

    max_alerts: int = Field(
        default=10_000,
        ge=10,
        le=100_000,
        description="Most alerts that wait for one output; beyond it the oldest of the lowest severity is dropped",
    )
    max_age: Duration = Field(default=timedelta(days=7), description="What has waited longer is dropped")
    max_dead: int = Field(
        default=10_000,
        ge=0,
        le=1_000_000,
        description="Most dead letters kept for one output (`egret alerts list --dead` shows them)",
    )
    backoff_cap: Duration = Field(
        default=timedelta(minutes=5),
        description="The longest pause between attempts; a receiver may ask for up to an hour",
    )

    @field_validator("max_age", "backoff_cap")
    @classmethod
    def _not_at_once(cls, value: timedelta) -> timedelta:
        if value < timedelta(seconds=1):
            raise ValueError('at least "1s"')
        return value
