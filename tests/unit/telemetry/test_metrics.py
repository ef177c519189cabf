from __future__ import annotations

import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from egret.alerts.model import Action
from egret.judge.unnamed import UNNAMED
from egret.judge.verdict import Policy
from egret.model import (
    Category,
    Detection,
    Endpoint,
    Hosting,
    Kind,
    Match,
    Observation,
    Operator,
    Protocol,
    ServiceClass,
    Severity,
    Signature,
    Verdict,
    Volume,
    VolumeSource,
)
from egret.telemetry import Telemetry, metrics
from egret.telemetry.table import DropStage, FilterKind, Outcome, Stage, Suppressed
from tests.support.catalog import bundled

QWEN = Signature(
    id="alibaba.qwen-chat",
    vendor="Alibaba",
    service='Qwen "Chat"\\\n',  # hostile to the text format
    category=Category.CHAT,
    service_class=ServiceClass.AI,
    operator=Operator(country="CN", contested=False),
    last_reviewed="2026-11-18",
)
CLOUD = Signature(
    id="alibaba.cloud",
    vendor="Alibaba",
    service="Alibaba Cloud",
    category=Category.CLOUD_PLATFORM,
    service_class=ServiceClass.CLOUD,
    operator=Operator(country="SG", contested=True),
    last_reviewed="not a date",
)
DETECTIONS = "egret_detections_total"
NOT_ALLOWED = "egret_detections_not_allowed_total"
LABELS = ("Alibaba", QWEN.service, "chat", "ai")


def telemetry(signatures: Sequence[Signature] = (QWEN, CLOUD)) -> Telemetry:
    made = Telemetry("1.2.3")
    made.watch(["lan0"])
    made.sinks(["soc"])
    made.catalog(signatures, "2026.11", Policy().possible)
    return made


def detection(severity: Severity = Severity.HIGH) -> Detection:
    observation = Observation(
        time_ns=0,
        protocol=Protocol.TLS,
        kind=Kind.CLIENT_HELLO,
        name="chat.qwen.ai",
        client=Endpoint(bytes(4), 1),
        server=Endpoint(bytes(4), 443),
    )
    verdict = Verdict(
        severity=severity, score=80, reasons=(), operator=QWEN.operator, hosting=Hosting(), lookup_only=False
    )
    return Detection(observation=observation, match=Match(QWEN, "qwen.ai", None), verdict=verdict)


def lines(made: Telemetry) -> list[str]:
    return made.exposition().decode().splitlines()


def test_the_latency_of_alerts_is_never_negative() -> None:
    telemetry = Telemetry("1")
    telemetry.prompt([60_000_000, -5])
    value = telemetry.registry.get_sample_value
    assert value("egret_alert_latency_seconds_bucket", {"le": "0.005"}) == 1
    assert value("egret_alert_latency_seconds_bucket", {"le": "0.075"}) == 2


def test_one_kind_of_filter_is_in_use() -> None:
    telemetry = Telemetry("1")
    telemetry.watch(["eth1"])
    telemetry.capture_filter(["eth1"], FilterKind.EBPF)
    value = telemetry.registry.get_sample_value
    kinds = [value("egret_capture_filter", {"interface": "eth1", "kind": kind.value}) for kind in FilterKind]
    assert kinds == [1, 0, 0]


def test_a_first_hit_shows_in_increase() -> None:
    """The series is there, at zero, before anything happens."""
    made = telemetry()
    names = [line for line in lines(made) if line.startswith(DETECTIONS)]
    assert len(names) == 4  # ai: high, medium; cloud: low, info
    assert all(line.endswith(" 0.0") for line in names)
    made.detection(detection(), latency_s=0.02)
    assert made.value(DETECTIONS, *LABELS, "high") == 1
    assert "egret_detection_latency_seconds_count 1.0" in lines(made)
    made.detection(detection())
    assert made.total(DETECTIONS, vendor="Alibaba") == 2
    assert len([line for line in lines(made) if line.startswith(DETECTIONS)]) == 4


def test_what_nobody_allowed_is_there_at_zero_with_what_a_decision_may_make_of_it() -> None:
    made = telemetry()
    assert len([line for line in lines(made) if line.startswith(f"{NOT_ALLOWED}{{")]) == 4
    made.catalog([QWEN], "2026.12", Policy().possible, decided=True)
    assert made.value(NOT_ALLOWED, *LABELS, "critical") == made.value(NOT_ALLOWED, *LABELS, "info") == 0
    before = made.series_count()
    made.not_allowed(QWEN, Severity.CRITICAL)
    assert made.value(NOT_ALLOWED, *LABELS, "critical") == 1
    assert made.series_count() == before


def test_promtool_has_no_complaint() -> None:
    made = telemetry()
    made.geoip([("GeoLite2-ASN", 1_780_000_000.0)])
    made.detection(detection(), latency_s=-1.0)
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=made.exposition(), capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_no_created_series() -> None:
    assert b"_created" not in telemetry().exposition()


def test_the_bundled_catalogue_stays_within_the_bound() -> None:
    catalog = bundled()
    made = telemetry(catalog.signatures)
    before = made.series_count()
    assert before < 4000
    made.catalog(catalog.signatures, catalog.version, Policy().possible)
    assert made.series_count() == before
    made.catalog(catalog.signatures, catalog.version, Policy().possible, decided=True)
    assert made.series_count() < 5000


def test_a_reload_replaces_versions_and_keeps_counts() -> None:
    made = telemetry()
    made.detection(detection())
    made.catalog([QWEN], "2026.12", Policy().possible)
    made.geoip([("a", 0.0), ("b", 86_400.0)])
    made.geoip([("b", 86_400.0)])
    text = made.exposition().decode()
    assert 'egret_catalog_info{version="2026.12"} 1.0' in text
    assert "2026.11" not in text
    assert 'egret_geoip_info{build="1970-01-02",database="b"} 1.0' in text
    assert 'database="a"' not in text
    assert made.value("egret_catalog_signatures", "cloud") == 0
    assert made.value(DETECTIONS, *LABELS, "high") == 1


def test_a_huge_catalogue_gets_no_series_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MAX_SERIES", 3)
    made = telemetry()
    assert not [line for line in lines(made) if line.startswith(DETECTIONS)]


def test_review_and_build_times() -> None:
    reviewed = datetime(2026, 11, 18, tzinfo=UTC).timestamp()
    assert telemetry().value("egret_catalog_last_reviewed_timestamp_seconds") == reviewed
    assert telemetry([CLOUD]).value("egret_catalog_last_reviewed_timestamp_seconds") == 0


def test_what_a_worker_counts_is_added() -> None:
    made = telemetry()
    rows = [
        (("names", "tls", "client_hello"), 3),
        (("anomalies", "quic", "decrypt_failed"), 1),
        (("connections", "tcp", "hello"), 5),
        (("nameless", "mid_flow"), 2),
        (("prc_hosted", "CN", "prc-cloud"), 4),
        (("evictions", "flows"), 6),
        (("dropped", "lan0", "parser"), 7),
        (("messages_dropped",), 8),
        (("internal_errors", "decode"), 1),
    ]
    assert made.apply_worker_counts(rows) == 0
    assert made.value("egret_names_total", "tls", "client_hello") == 3
    assert made.value("egret_packets_dropped_total", "lan0", "parser") == 7
    assert made.value("egret_messages_dropped_total") == 8


@pytest.mark.parametrize(
    ("key", "amount"),
    [
        ((), 1),
        (("names",), 1),
        (("names", "tls", "secret.example"), 1),
        (("names", "tls", "client_hello", "more"), 1),
        (("received", "eth9"), 1),
        (("detections", "Alibaba"), 1),
        (("store_errors",), 1),
        (("names", "tls", "client_hello"), -1),
        (("names", "tls", "client_hello"), 1 << 60),
        (("names", "tls", "client_hello"), True),
        (("names", "tls", "client_hello"), 1.5),
    ],
)
def test_a_worker_can_create_no_series(key: tuple[str, ...], amount: int) -> None:
    made = telemetry()
    before = made.series_count()
    assert made.apply_worker_counts([(key, amount), (("nameless", "no_sni"), 1)]) == 1
    assert made.series_count() == before
    assert made.value("egret_names_total", "tls", "client_hello") == 0
    assert made.value("egret_connections_nameless_total", "no_sni") == 1
    assert made.value("egret_internal_errors_total", "wire") == 1


def test_links() -> None:
    made = telemetry()
    made.link("lan0", received=10, dropped=0, up=True)
    made.link("lan0", received=5, dropped=2, up=False)
    made.link("unknown0", received=5, dropped=2, up=True)
    assert made.value("egret_packets_received_total", "lan0") == 15
    assert made.value("egret_packets_dropped_total", "lan0", "kernel") == 2
    assert made.value("egret_link_up", "lan0") == 0
    assert b"unknown0" not in made.exposition()


def test_alerts_and_incidents() -> None:
    made = telemetry()
    made.alert(Action.OPENED, Severity.HIGH)
    made.alert(Action.CLOSED, Severity.HIGH)
    made.suppressed(Suppressed.SUPPRESS_LIST)
    made.incidents_open({Severity.HIGH: 2})
    made.incidents_open({Severity.LOW: 1})
    assert made.value("egret_incidents_opened_total", "high") == 1
    assert made.total("egret_alerts_total") == 2
    assert made.value("egret_alerts_suppressed_total", "suppress_list") == 1
    assert (made.value("egret_incidents_open", "high"), made.value("egret_incidents_open", "low")) == (0, 1)


def test_events_move_their_metric_and_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    made = telemetry()
    made.delivery("soc", Outcome.DELIVERED)
    assert not caplog.records
    made.delivery("soc", Outcome.FAILED, why="HTTP 503")
    made.delivery("soc", Outcome.REJECTED, 2)
    made.queue_length("soc", 7)
    made.store_healthy()
    made.store_failed("disk full")
    made.workers_up(1)
    made.worker_restarted("signal 11")
    made.messages_dropped(3)
    made.packets_dropped("lan0", DropStage.QUEUE, 4)
    made.internal_error(Stage.WEB, RuntimeError("x"))
    made.internal_error(Stage.WEB)
    made.tracked("flows", 9)
    made.tracked("made up", 9)
    made.config_loaded(12.0)
    expected = {
        ("egret_deliveries_total", "soc", "delivered"): 1,
        ("egret_deliveries_total", "soc", "failed"): 1,
        ("egret_deliveries_total", "soc", "rejected"): 2,
        ("egret_delivery_queue_length", "soc"): 7,
        ("egret_store_errors_total",): 1,
        ("egret_store_healthy",): 0,
        ("egret_workers_up",): 1,
        ("egret_worker_restarts_total",): 1,
        ("egret_messages_dropped_total",): 3,
        ("egret_packets_dropped_total", "lan0", "queue"): 4,
        ("egret_internal_errors_total", "web"): 2,
        ("egret_tracked", "flows"): 9,
        ("egret_config_last_reload_success_timestamp_seconds",): 12,
    }
    assert {key: made.value(*key) for key in expected} == expected
    assert b"made up" not in made.exposition()
    assert [record.getMessage() for record in caplog.records] == [
        "delivery_failed",
        "delivery_rejected",
        "store_failed",
        "worker_restarted",
        "messages_dropped",
        "packets_dropped",
        "internal_error",
    ]


def test_volume_is_counted_by_service_and_direction_only() -> None:
    made = Telemetry("test")
    made.catalog([CLOUD], "2026.11", Policy().possible)
    name, labels = "egret_volume_bytes_total", ("Alibaba", "Alibaba Cloud")
    assert f'{name}{{direction="sent",service="Alibaba Cloud",vendor="Alibaba"}} 0.0' in made.exposition().decode()
    made.volume(Volume(b"1234", CLOUD.id, 5, 7, VolumeSource.TCP, 1))
    made.volume(Volume(b"1234", "no.such", 5, 7, VolumeSource.TCP, 1))
    assert (made.value(name, *labels, "sent"), made.value(name, *labels, "received")) == (5, 7)
    assert made.total(name) == 12
    made.catalog([CLOUD], "2026.11", Policy().possible, UNNAMED.values())
    made.volume(Volume(b"1234", "network.alibaba", 3, 0, VolumeSource.TCP, 1))
    assert made.value(name, "Alibaba", "PRC cloud network", "sent") == 3
