"""The section ``watch``: what of the sensor itself is worth an alert."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from egret.settings.sections import Section
from egret.settings.units import Duration


class WatchSettings(Section):
    """When Egret tells that something is amiss with itself; see docs/self-watch.md."""

    enabled: bool = Field(
        default=True, description="Send alerts about the sensor itself; the canary has its own switch"
    )
    max_loss_percent: float = Field(
        default=1.0, ge=0.01, le=100, description="More of a minute's packets lost on an interface is a problem"
    )
    link_down: Duration = Field(default=timedelta(seconds=30), description="An interface that is down for so long")
    silent_after: Duration = Field(
        default=timedelta(minutes=10), description="A usually busy interface that gives no packet for so long"
    )
    output_failing: Duration = Field(
        default=timedelta(minutes=1), description="An output that is given up for the time being for so long"
    )
    store_failing: Duration = Field(
        default=timedelta(seconds=30), description="A store that takes no write for so long"
    )
    worker_restarts: int = Field(
        default=3, ge=2, le=16, description="So many deaths of capture processes in a quarter of an hour are a loop"
    )
    catalogue_age: Duration = Field(
        default=timedelta(days=180), description="A catalogue of which nothing was reviewed for so long is old"
    )
    database_age: Duration = Field(default=timedelta(days=365), description="A GeoIP database built before that is old")

    @model_validator(mode="after")
    def _not_at_once(self) -> Self:
        if self.silent_after < timedelta(minutes=1):
            raise ValueError('silent_after: at least "1m"')
        return self
