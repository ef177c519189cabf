from __future__ import annotations

from pathlib import Path

from egret.telemetry.reference import metrics_page
from egret.telemetry.table import FIXED, METRICS


def test_every_metric_and_every_closed_value_is_on_the_page() -> None:
    page = metrics_page()
    assert all(f"| `{metric.name}` |" in page for metric in METRICS)
    assert all(f"`{value}`" in page for rows in FIXED.values() for row in rows for value in row)


def test_the_committed_page_is_the_current_one() -> None:
    committed = Path(__file__).parents[3] / "docs/metrics.md"
    assert committed.read_text(encoding="utf-8") == metrics_page(), "run `make docs`"
