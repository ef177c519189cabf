"""The section ``canary``: a probe that goes the way of every packet, so that a blind sensor is never silent."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from egret.settings.sections import Section
from egret.settings.units import Duration
from egret.settings.values import Interface


class CanarySettings(Section):
    """A harmless packet on a loopback interface, sent and looked for; see docs/self-watch.md."""

    enabled: bool = Field(default=True, description="Send it; needs `capture.backend: afpacket`")
    every: Duration = Field(
        default=timedelta(minutes=1), description="How often: a look-up, a TLS hello and a QUIC hello in turn"
    )
    within: Duration = Field(
        default=timedelta(seconds=10), description="Not heard by every capture process in this time, it is missed"
    )
    interface: Interface = Field(
        default="lo", description="Where it is sent and heard: a loopback interface, nothing else is used"
    )

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        if self.within < timedelta(milliseconds=500) or self.every < timedelta(seconds=1):
            raise ValueError('every: at least "1s", within: at least "500ms"')
        if self.within >= self.every:
            raise ValueError("within must be shorter than every: one probe is looked for at a time")
        return self
