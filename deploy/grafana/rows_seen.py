"""What was seen: rows of the dashboard."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Panel
from panels import AT, GREEN, ORANGE, RANGE, RATE, RED, SOURCE, YELLOW, bars, lines, number, steps, target


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


def volume() -> list[Builder[Panel]]:
    moved = f'egret_volume_bytes_total{{{AT}, vendor=~"$vendor"'
    limits = "Payload, counted from detection on; QUIC less an estimate of its headers. Nothing tells clients apart."
    return [
        lines(
            "Sent to services",
            limits,
            (f'sum by (service) (rate({moved}, direction="sent"}}[{RATE}])) > 0', "{{service}}"),
            unit=units.BytesPerSecondSI,
        ),
        lines(
            "Received from services",
            limits,
            (f'sum by (service) (rate({moved}, direction="received"}}[{RATE}])) > 0', "{{service}}"),
            unit=units.BytesPerSecondSI,
        ),
        bars(
            "Sent, by service",
            "In the time shown.",
            f'topk(15, sum by (service) (increase({moved}, direction="sent"}}[{RANGE}])) > 0)',
            "{{service}}",
        ).unit(units.BytesSI),
        lines(
            "Volume not counted",
            "Headers of flagged connections that the second ring lost: UDP is undercounted then.",
            (f"sum by (interface) (rate(egret_volume_packets_dropped_total{{{AT}}}[{RATE}]))", "{{interface}}"),
            unit=units.PacketsPerSecond,
        ),
    ]


def decisions() -> list[Builder[Panel]]:
    none_is_good = steps((GREEN, None), (YELLOW, 1))
    not_allowed = f'increase(egret_detections_not_allowed_total{{{AT}, vendor=~"$vendor"}}[{RATE}])'
    return [
        number(
            "Not allowed by anybody",
            f"sum(increase(egret_detections_not_allowed_total{{{AT}}}[{RANGE}]))",
            "Detections that neither an approval nor the suppress list allows, in the time shown.",
            units.Short,
            none_is_good,
        ),
        number(
            "Approved",
            f'sum(increase(egret_alerts_suppressed_total{{{AT}, reason="approved"}}[{RANGE}]))',
            "Detections that an approval allows: counted, not alerted.",
            units.Short,
            steps((GREEN, None)),
        ),
        number(
            "Approvals that end soon",
            f"sum(egret_approvals_ending{{{AT}}})",
            "Within approvals.expires_soon; egret approvals list says which.",
            units.Short,
            none_is_good,
        ),
        number(
            "Approvals that have ended",
            f"sum(egret_approvals_ended{{{AT}}})",
            "They allow nothing any more: renew them, or take them out.",
            units.Short,
            none_is_good,
        ),
        number(
            "Reload refused",
            f"count(egret_config_last_reload_successful{{{AT}}} == 0) or vector(0)",
            "Sensors that go on with old settings, since the new ones have an error.",
            units.Short,
            steps((GREEN, None), (RED, 1)),
        ),
        number(
            "Client names failing",
            f"sum(egret_client_sources_failing{{{AT}}})",
            "Lease files, hosts files and tables that cannot be read.",
            units.Short,
            none_is_good,
        ),
        lines(
            "Not allowed, by severity",
            "What the rules alert on; the severity is what the operator's decision leaves.",
            (f"sum by (severity) ({not_allowed})", "{{severity}}"),
            stacked=True,
        ),
        lines(
            "Decisions that hold, and reloads",
            "By state; and how often settings, signatures and databases were read anew.",
            (f"sum by (state) (egret_approvals{{{AT}}})", "{{state}}"),
            (
                f"sum by (trigger, outcome) (increase(egret_reloads_total{{{AT}}}[{RATE}]))",
                "reload by {{trigger}}, {{outcome}}",
            ),
        ),
    ]
