"""What could not be seen, and whether Egret is well: rows of the dashboard."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table, text
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Panel
from panels import AT, GREEN, RANGE, RATE, RED, SOURCE, YELLOW, lines, number, steps, target

ATTRIBUTION = (
    "GeoIP data of the bundled database: Route Views (routeviews.org), NRO (nro.net), "
    "[IP Geolocation by DB-IP](https://db-ip.com), CC BY 4.0; IPtoASN (iptoasn.com), PDDL; packaged by ip-location-db. "
    "Another database brings its own terms: see `egret geoip info`."
)


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


def hidden() -> list[Builder[Panel]]:
    """What hides names, and what was lost: the other half of coverage."""
    return [
        lines(
            "Look-ups in encrypted DNS and HTTPDNS",
            "Connections to encrypted resolvers, and names asked for over plain HTTP: what DNS no longer shows.",
            (
                f"topk(10, sum by (resolver) (rate(egret_encrypted_dns_connections_total{{{AT}}}[{RATE}])))",
                "{{resolver}}",
            ),
            (f"sum by (resolver) (rate(egret_prc_resolver_connections_total{{{AT}}}[{RATE}]))", "{{resolver}} (PRC)"),
            (f"sum by (resolver) (rate(egret_httpdns_lookups_total{{{AT}}}[{RATE}]))", "HTTPDNS {{resolver}}"),
            unit="cps",
        ),
        lines(
            "Encrypted Client Hello",
            "real_hidden: the service's name is hidden; real_named: a look-up gave it; grease: none was encrypted.",
            (f"sum by (ech) (rate(egret_ech_hellos_total{{{AT}}}[{RATE}]))", "{{ech}}"),
            unit="cps",
        ),
        lines(
            "Share of connections with a name",
            "Of the last whole minute, as each sensor says it; a gap: no connection.",
            (f"egret_coverage_named_ratio{{{AT}}}", "{{instance}}"),
            unit=units.PercentUnit,
        ),
        lines(
            "Since the last packet",
            "A link that is up and silent may have lost its mirror port.",
            (
                f"time() - (egret_link_last_packet_timestamp_seconds{{{AT}}} > 0)",
                "{{interface}}",
            ),
            unit=units.Seconds,
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
            "From packet to alert",
            "99th percentile to the alert on disk and in every output's queue; 99th and 50th to its incident.",
            (
                f"histogram_quantile(0.99, sum by (le) (rate(egret_alert_latency_seconds_bucket{{{AT}}}[{RATE}])))",
                "alert, p99",
            ),
            (
                f"histogram_quantile(0.99, sum by (le) (rate(egret_detection_latency_seconds_bucket{{{AT}}}[{RATE}])))",
                "incident, p99",
            ),
            (
                f"histogram_quantile(0.5, sum by (le) (rate(egret_detection_latency_seconds_bucket{{{AT}}}[{RATE}])))",
                "incident, p50",
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
