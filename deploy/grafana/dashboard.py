"""Makes the Grafana dashboard: ``python deploy/grafana/dashboard.py`` writes dashboards/egret.json beside it.

The raw dashboard model, with a ``datasource`` variable and no ``__inputs``, so that it can be provisioned from a file
and imported by hand alike. Every query here is run against a real Prometheus by tests/integration/test_dashboard.py.
"""

from __future__ import annotations

from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, QueryVariable, Row
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, VariableRefresh
from panels import SOURCE
from rows_health import alerts, coverage, health, hidden
from rows_seen import decisions, overview, services, volume

HERE = Path(__file__).parent
OUTPUT = HERE / "dashboards" / "egret.json"


def make() -> Dashboard:
    board = (
        Dashboard("Egret: who talks to PRC-run AI services")
        .uid("egret")
        .description("What Egret saw, what it could not see, and whether it is well.")
        .tags(["egret", "security"])
        .time("now-24h", "now")
        .refresh("1m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .timezone("browser")
        .with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(variable("instance", "Sensor", "label_values(egret_build_info, instance)"))
        .with_variable(variable("vendor", "Vendor", "label_values(egret_detections_total, vendor)"))
    )
    rooms = (
        ("Overview", overview),
        ("Services", services),
        ("Volume", volume),
        ("Decisions", decisions),
        ("Coverage", coverage),
        ("Hidden", hidden),
        ("Alerts", alerts),
        ("Health", health),
    )
    for title, panels in rooms:
        board = board.with_row(Row(title))
        for panel in panels():
            board = board.with_panel(panel)
    return board


def variable(name: str, label: str, query: str) -> QueryVariable:
    made = QueryVariable(name).label(label).query(query).datasource(SOURCE)
    return made.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).multi(True).include_all(True).all_value(".*")


def main() -> None:
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(JSONEncoder(sort_keys=True, indent=2).encode(make().build()) + "\n")


if __name__ == "__main__":
    main()
