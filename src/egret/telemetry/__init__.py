"""Every metric, declared once, and its log line."""

from egret.telemetry.metrics import Telemetry as Telemetry
