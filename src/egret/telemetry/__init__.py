"""Every metric, declared once, and its log line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from egret.telemetry.metrics import Telemetry as Telemetry


def __getattr__(name: str) -> object:
    """``Telemetry``, once it is asked for: it brings all of prometheus-client, which a replay does without."""
    if name == "Telemetry":
        from egret.telemetry import metrics  # noqa: PLC0415 - the point of this function

        return metrics.Telemetry
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
