"""The reference page of the metrics, from their table."""

from __future__ import annotations

from egret.telemetry.table import FIXED, METRICS, Metric

PAGE_HEAD = """\
# Metrics

Made from the program by `make docs`; do not edit. Served at `http://127.0.0.1:9477/metrics`.

Label values come from the catalogue, the configuration and closed lists; never an address, a host name or an error's
text. Every series that the catalogue and the configuration can produce exists at 0 from the start, so that the first
hit shows in `increase()`. There are no `_created` series.

| metric | type | labels | meaning |
|---|---|---|---|
"""


def metrics_page() -> str:
    """The page ``docs/metrics.md``: a row a metric, then the closed lists."""
    rows = [f"| `{m.name}` | {m.type} | {_labels(m)} | {m.help} |" for m in METRICS]
    lists = [f"- `{m.name}`: {_closed(m)}" for m in METRICS if m.name in FIXED]
    return PAGE_HEAD + "\n".join([*rows, "", "## Closed lists", "", *lists]) + "\n"


def _labels(metric: Metric) -> str:
    return ", ".join(f"`{label}`" for label in metric.labels)


def _closed(metric: Metric) -> str:
    """Each label's values, in order."""
    columns = zip(metric.labels, zip(*FIXED[metric.name], strict=True), strict=True)
    return "; ".join(
        f"{label}: " + ", ".join(f"`{value}`" for value in sorted(set(values))) for label, values in columns
    )
