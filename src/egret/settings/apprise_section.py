"""``outputs.apprise``: chat, mail and pagers."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from egret.model import Severity
from egret.settings.sections import Section
from egret.settings.units import Duration
from egret.settings.values import MaybeSecret, Slug


class AppriseOutput(Section):
    """Alerts for people, in their chat, mail or pager."""

    name: Slug = Field(description="Its name in metrics and on the status page")
    urls: tuple[MaybeSecret, ...] = Field(
        min_length=1,
        description="Addresses as apprise writes them (`mailtos://`, `slack://`, ...), or `file:`/`env:`; never shown",
    )
    min_severity: Severity = Field(default=Severity.HIGH, description="The least severe alert to send")
    timeout: Duration = Field(default=timedelta(minutes=1), description="How long one attempt may take")
