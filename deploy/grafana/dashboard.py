"""Makes the Grafana dashboard: ``python deploy/grafana/dashboard.py`` writes dashboards/egret.json beside it.

The raw dashboard model, with a ``datasource`` variable and no ``__inputs``, so that it can be provisioned from a file
and imported by hand alike. Every query here is run against a real Prometheus by tests/integration/test_dashboard.py.
"""

from __future__ import annotations

from pathlib import Path

from grafana_foundation_sdk.builders import bargauge, prometheus, stat, table, text, timeseries
from grafana_foundation_sdk.builders.common import ReduceDataOptions, StackingConfig, VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DatasourceVariable,
    QueryVariable,
    Row,
    ThresholdsConfig,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Panel,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

HERE = Path(__file__).parent
OUTPUT = HERE / "dashboards" / "egret.json"
SOURCE = DataSourceRef(type_val="prometheus", uid="$datasource")
AT = 'instance=~"$instance"'
RANGE = "$__range"
RATE = "$__rate_interval"
GREEN, YELLOW, ORANGE, RED = "green", "yellow", "orange", "red"
ATTRIBUTION = (
    "GeoIP data of the bundled database: Route Views (routeviews.org), NRO (nro.net), "
    "[IP Geolocation by DB-IP](https://db-ip.com), CC BY 4.0; IPtoASN (iptoasn.com), PDDL; packaged by ip-location-db. "
    "Another database brings its own terms: see `egret geoip info`."
)


def target(query: str, legend: str = "", *, instant: bool = False) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(query).legend_format(legend).datasource(SOURCE)
    return made.instant().format(PromQueryFormat.TABLE) if instant else made.range()


def steps(*pairs: tuple[str, float | None]) -> ThresholdsConfig:
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(value=v, color=c) for c, v in pairs])


def number(title: str, query: str, why: str, unit: str, thresholds: ThresholdsConfig) -> stat.Panel:
    return (
        stat.Panel()
        .title(title)
        .description(why)
        .datasource(SOURCE)
        .with_target(target(query))
        .unit(unit)
        .thresholds(thresholds)
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .span(4)
        .height(4)
    )


def lines(
    title: str, why: str, *targets: tuple[str, str], unit: str = units.Short, stacked: bool = False
) -> timeseries.Panel:
    legend = (
        VizLegendOptions().display_mode(LegendDisplayMode.TABLE).placement(LegendPlacement.BOTTOM).show_legend(True)
    )
    panel = (
        timeseries.Panel()
        .title(title)
        .description(why)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .legend(legend.calcs(["sum"] if stacked else ["mean", "max"]))
        .span(12)
        .height(8)
    )
    for query, name in targets:
        panel = panel.with_target(target(query, name))
    if stacked:
        panel = (
            panel.draw_style(GraphDrawStyle.BARS).fill_opacity(70).stacking(StackingConfig().mode(StackingMode.NORMAL))
        )
    return panel


def bars(title: str, why: str, query: str, legend: str) -> bargauge.Panel:
    return (
        bargauge.Panel()
        .title(title)
        .description(why)
        .datasource(SOURCE)
        .with_target(prometheus.Dataquery().expr(query).legend_format(legend).datasource(SOURCE).instant())
        .unit(units.Short)
        .min(0)
        .decimals(0)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .span(12)
        .height(8)
    )


def overview() -> list[Builder[Panel]]:
    none_is_good = steps((GREEN, None), (YELLOW, 1))
    return [
        number(
            "Open incidents",
            f"sum(egret_incidents_open{{{AT}}})",
            "A client and a service, until it is quiet.",
            units.Short,
            none_is_good,
        ),
        number(
            "Open, high or critical",
            f'sum(egret_incidents_open{{{AT}, severity=~"high|critical"}})',
            "Connections to AI services whose operator is under PRC law.",
            units.Short,
            steps((GREEN, None), (RED, 1)),
        ),
        number(
            "Detections",
            f"sum(increase(egret_detections_total{{{AT}}}[{RANGE}]))",
            "Look-ups of and connections to services in the catalogue, in the time shown.",
            units.Short,
            none_is_good,
        ),
        number(
            "Connections with a name",
            f'1 - sum(rate(egret_connections_total{{{AT}, named_by="nothing"}}[{RANGE}]))'
            f" / sum(rate(egret_connections_total{{{AT}}}[{RANGE}]))",
            "Coverage: what a quiet page is worth. Nameless connections could be anything.",
            units.PercentUnit,
            steps((RED, None), (ORANGE, 0.5), (GREEN, 0.9)),
        ),
        number(
            "Packets lost",
            f"sum(increase(egret_packets_dropped_total{{{AT}}}[{RANGE}]))"
            f" / sum(increase(egret_packets_received_total{{{AT}}}[{RANGE}]))",
            "Of those that passed the kernel filter; a lost hello is a missed name.",
            units.PercentUnit,
            steps((GREEN, None), (YELLOW, 0.0001), (RED, 0.01)),
        ),
        number(
            "Links down",
            f"count(egret_link_up{{{AT}}} == 0) or vector(0)",
            "Watched interfaces that are down or gone.",
            units.Short,
            steps((GREEN, None), (RED, 1)),
        ),
    ]


def services() -> list[Builder[Panel]]:
    flagged = f'increase(egret_detections_total{{{AT}, vendor=~"$vendor"}}[{RANGE}])'
    found = f"sum by (vendor, service, category, class, severity) ({flagged}) > 0"
    listing = (
        table.Panel()
        .title("Services seen")
        .description("In the time shown. Which client it was is in Egret's alerts, never in a metric.")
        .datasource(SOURCE)
        .with_target(target(found, instant=True))
        .unit(units.Short)
        .decimals(0)
        .span(24)
        .height(9)
    )
    by_service = f'sum by (service) (increase(egret_detections_total{{{AT}, vendor=~"$vendor"}}[{RATE}])) > 0'
    by_class = f'sum by (class) (increase(egret_detections_total{{{AT}, vendor=~"$vendor"}}[{RATE}]))'
    return [
        listing,
        lines("Detections by service", "Look-ups and connections.", (by_service, "{{service}}"), stacked=True),
        lines(
            "Detections by class",
            "ai: an AI service; embedded: AI built in; cloud and broad: the company's other hosts, never called AI; "
            "resolver: encrypted DNS that hides the rest.",
            (by_class, "{{class}}"),
            stacked=True,
        ),
        bars(
            "Detections by vendor",
            "In the time shown.",
            f"topk(15, sum by (vendor) (increase(egret_detections_total{{{AT}}}[{RANGE}])) > 0)",
            "{{vendor}}",
        ),
        bars(
            "PRC-hosted connections without a signature",
            "Counted, not alerted: country of the address and kind of network. A cloud's address says nothing about"
            " the service on it.",
            f"sum by (country, network) (increase(egret_prc_hosted_connections_total{{{AT}}}[{RANGE}])) > 0",
            "{{country}} {{network}}",
        ),
    ]


def coverage() -> list[Builder[Panel]]:
    return [
        lines(
            "Connections, by what named them",
            "hello: TLS or QUIC; answer: an earlier DNS answer to the same client; nothing: no name.",
            (f"sum by (named_by) (rate(egret_connections_total{{{AT}}}[{RATE}]))", "{{named_by}}"),
            unit="cps",
        ),
        lines(
            "Nameless connections, by reason",
            "Rising no_sni or not_recognised: names are being hidden.",
            (f"sum by (reason) (rate(egret_connections_nameless_total{{{AT}}}[{RATE}]))", "{{reason}}"),
            unit="cps",
        ),
        lines(
            "Names seen",
            "By protocol, matched or not; the names themselves are not kept.",
            (f"sum by (protocol) (rate(egret_names_total{{{AT}}}[{RATE}]))", "{{protocol}}"),
            unit="cps",
        ),
        lines(
            "Could not be read",
            "Frames and messages that broke the rules, by protocol and reason.",
            (f"sum by (protocol, reason) (rate(egret_anomalies_total{{{AT}}}[{RATE}])) > 0", "{{protocol}} {{reason}}"),
            unit="cps",
        ),
    ]


def alerts() -> list[Builder[Panel]]:
    return [
        lines(
            "Alerts",
            "Opened, escalated, updated, closed.",
            (f"sum by (action) (increase(egret_alerts_total{{{AT}}}[{RATE}]))", "{{action}}"),
            stacked=True,
        ),
        lines(
            "Deliveries",
            "What became of alerts for each output; failed attempts are tried again.",
            (f"sum by (sink, outcome) (increase(egret_deliveries_total{{{AT}}}[{RATE}]))", "{{sink}} {{outcome}}"),
            stacked=True,
        ),
        lines(
            "Waiting for delivery",
            "Alerts that an output does not have yet.",
            (f"sum by (sink) (egret_delivery_queue_length{{{AT}}})", "{{sink}}"),
        ),
        lines(
            "From packet to incident",
            "99th and 50th percentile.",
            (
                f"histogram_quantile(0.99, sum by (le) (rate(egret_detection_latency_seconds_bucket{{{AT}}}[{RATE}])))",
                "p99",
            ),
            (
                f"histogram_quantile(0.5, sum by (le) (rate(egret_detection_latency_seconds_bucket{{{AT}}}[{RATE}])))",
                "p50",
            ),
            unit=units.Seconds,
        ),
    ]


def health() -> list[Builder[Panel]]:
    good = steps((RED, None), (GREEN, 1))
    aging = steps((GREEN, None), (YELLOW, 90 * 86400), (RED, 180 * 86400))
    return [
        number("Capture processes", f"sum(egret_workers_up{{{AT}}})", "Those that read packets.", units.Short, good),
        number(
            "Store", f"min(egret_store_healthy{{{AT}}})", "1: the last write of incidents succeeded.", units.Short, good
        ),
        number(
            "Internal errors",
            f"sum(increase(egret_internal_errors_total{{{AT}}}[{RANGE}]))",
            "Bugs of Egret; please report them.",
            units.Short,
            steps((GREEN, None), (RED, 1)),
        ),
        number(
            "Restarts of capture",
            f"sum(increase(egret_worker_restarts_total{{{AT}}}[{RANGE}]))",
            "A capture process died and was started again.",
            units.Short,
            steps((GREEN, None), (YELLOW, 1)),
        ),
        number(
            "Catalogue reviewed",
            f"time() - max(egret_catalog_last_reviewed_timestamp_seconds{{{AT}}})",
            "Since the newest review.",
            units.Seconds,
            aging,
        ),
        number(
            "GeoIP built",
            f"time() - min(egret_geoip_build_timestamp_seconds{{{AT}}})",
            "Age of the oldest database in use.",
            units.Seconds,
            aging,
        ),
        lines(
            "Packets",
            "Those that passed the kernel filter.",
            (f"sum by (interface) (rate(egret_packets_received_total{{{AT}}}[{RATE}]))", "{{interface}}"),
            (
                f"sum by (interface, stage) (rate(egret_packets_dropped_total{{{AT}}}[{RATE}]))",
                "{{interface}} lost: {{stage}}",
            ),
            unit=units.PacketsPerSecond,
        ),
        lines(
            "Memory tables",
            "Entries that the parser holds, and those that a bound pushed out.",
            (f"sum by (table) (egret_tracked{{{AT}}})", "{{table}}"),
            (f"sum by (table) (rate(egret_evictions_total{{{AT}}}[{RATE}]))", "evicted a second: {{table}}"),
        ),
        text.Panel().title("Versions and sources").content(ATTRIBUTION).span(12).height(5),
        table.Panel()
        .title("In use")
        .description("Egret, its catalogue and its databases.")
        .datasource(SOURCE)
        .with_target(target(f"egret_build_info{{{AT}}}", instant=True))
        .with_target(target(f"egret_catalog_info{{{AT}}}", instant=True))
        .with_target(target(f"egret_geoip_info{{{AT}}}", instant=True))
        .span(12)
        .height(5),
    ]


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
        ("Coverage", coverage),
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
