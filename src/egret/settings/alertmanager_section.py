"""``outputs.alertmanagers``: incidents that fire in Prometheus' Alertmanager."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from egret.model import Severity
from egret.settings.sections import Section
from egret.settings.units import Duration
from egret.settings.values import HeaderName, MaybeSecret, Slug, http_url


class Alertmanager(Section):
    """Incidents in Alertmanager (API v2): firing while open, resolved when closed."""

    name: Slug = Field(description="Its name in metrics and on the status page")
    urls: tuple[Annotated[MaybeSecret, AfterValidator(http_url)], ...] = Field(
        min_length=1, description="Every peer of the cluster, as `http://host:9093`; each gets everything; never shown"
    )
    min_severity: Severity = Field(default=Severity.MEDIUM, description="The least severe incident to send")
    timeout: Duration = Field(default=timedelta(seconds=10), description="How long one attempt may take")
    headers: dict[HeaderName, MaybeSecret] = Field(
        default_factory=dict, description="Headers to add; a value may be `file:/path` or `env:NAME`; never shown"
    )
    repeat: Duration = Field(default=timedelta(minutes=1), description="How often open incidents are sent again")
    expire: Duration = Field(
        default=timedelta(minutes=5),
        description="When it resolves what is not sent again: at least 3 `repeat`",
    )
    severity_label: bool = Field(
        default=False,
        description="Make the severity a label, to route by: an escalation then resolves one alert and fires another",
    )

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        if self.repeat < timedelta(seconds=1) or self.expire < 3 * self.repeat:
            raise ValueError("'repeat' is at least 1s and 'expire' at least 3 times as long, or alerts would flap")
        return self
