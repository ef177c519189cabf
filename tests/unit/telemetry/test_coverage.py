from __future__ import annotations

from egret.telemetry import Telemetry
from egret.telemetry.coverage import PARTS, Interval, difference, of_worker, together, totals
from egret.telemetry.table import BY_NAME
from egret.telemetry.worker_counters import WORKER_COUNTERS

COUNTS = {
    ("connections", "tcp", "hello"): 7,
    ("connections", "udp", "hello"): 1,
    ("connections", "tcp", "nothing"): 2,
    ("nameless", "no_sni"): 2,
    ("encrypted_dns", "Example DNS"): 3,
    ("httpdns", "alibaba"): 4,
    ("ech", "grease"): 5,
    ("anomalies", "dns", "truncated"): 1,
    ("anomalies", "tls", "truncated"): 1,
    ("evictions", "flows"): 6,
    ("names", "dns", "query"): 99,
}
EXPECTED = {
    "named_by": {"hello": 8, "nothing": 2},
    "nameless": {"no_sni": 2},
    "encrypted_dns": {"Example DNS": 3},
    "httpdns": {"alibaba": 4},
    "ech": {"grease": 5},
    "unreadable": {"truncated": 2},
    "evictions": {"flows": 6},
}


def test_a_replay_and_a_daemon_count_alike() -> None:
    telemetry = Telemetry("0")
    telemetry.resolvers(["Example DNS"])
    before = totals(telemetry)
    assert telemetry.apply_worker_counts(COUNTS.items()) == 0
    assert difference(totals(telemetry), before) == EXPECTED
    assert difference(of_worker(COUNTS), {}) == EXPECTED


def test_losses_are_packets_and_messages() -> None:
    telemetry = Telemetry("0")
    telemetry.watch(["lan0"])
    telemetry.link("lan0", received=5, dropped=3, up=True)
    telemetry.messages_dropped(2)
    row = Interval(start_s=0, seconds=60, counts=difference(totals(telemetry), {}))
    assert row.part("received") == {"lan0": 5}
    assert row.part("dropped") == {"kernel": 3, "messages": 2}
    assert row.lost == 5


def test_the_share_is_of_all_connections_and_of_none_there_is_none() -> None:
    row = Interval(start_s=0, seconds=60, counts=EXPECTED)
    assert (row.connections, row.share) == (10, 0.8)
    assert Interval(start_s=0, seconds=60).share is None


def test_rows_add_up() -> None:
    assert together([]) == {}
    assert together([{"ech": {"grease": 1}}, {"ech": {"grease": 2, "unknown": 1}, "httpdns": {"baidu": 1}}]) == {
        "ech": {"grease": 3, "unknown": 1},
        "httpdns": {"baidu": 1},
    }


def test_every_part_is_a_metric_with_that_label() -> None:
    assert all(label in BY_NAME[metric].labels for metric, label in PARTS.values())
    assert {WORKER_COUNTERS[key[0]] for key in COUNTS} - {"egret_names_total"} <= {m for m, _ in PARTS.values()}
