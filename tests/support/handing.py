"""Alerts handed to a sink once, which is closed behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from egret.alerts.model import Alert
from egret.sinks.base import Sink


def hand(sink: Sink, alerts: Sequence[Alert]) -> None:
    """Send *alerts*, or raise what the sink raises; close it either way."""

    async def run() -> None:
        try:
            await sink.send(alerts)
        finally:
            await sink.close()

    asyncio.run(run())
