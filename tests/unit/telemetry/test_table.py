from __future__ import annotations

import re

from egret.model import Kind, Protocol
from egret.telemetry.table import BY_NAME, FIXED, METRICS, Type
from egret.telemetry.worker_counters import WORKER_COUNTERS


def test_names_and_helps_are_well_formed() -> None:
    assert len(BY_NAME) == len(METRICS)
    for metric in METRICS:
        assert re.fullmatch(r"egret_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.type is Type.COUNTER)
        assert metric.help.endswith(".")


def test_no_label_could_hold_an_address_or_a_host_name() -> None:
    labels = {label for metric in METRICS for label in metric.labels}
    assert not labels & {"client", "server", "host", "name", "ip", "address", "error", "message", "url"}


def test_closed_lists_fit_their_metrics() -> None:
    for name, combinations in FIXED.items():
        assert all(len(labels) == len(BY_NAME[name].labels) for labels in combinations)
    assert all(BY_NAME[name].type is Type.COUNTER for name in WORKER_COUNTERS.values())


def test_every_protocol_and_kind_is_counted_somewhere() -> None:
    pairs = FIXED["egret_names_total"]
    assert {protocol for protocol, _ in pairs} == {protocol.value for protocol in Protocol}
    assert {kind for _, kind in pairs} == {kind.value for kind in Kind}
