from __future__ import annotations

from egret.telemetry.logs import Log
from egret.telemetry.series import Series


def test_what_was_announced_exists_at_zero_and_can_be_read_back() -> None:
    series = Series(Log())
    series._announce("egret_deliveries_total", [("soc", "delivered"), ("soc", "failed"), ("file", "delivered")])
    assert 'egret_deliveries_total{outcome="delivered",sink="soc"} 0.0' in series.exposition().decode()
    series._add("egret_deliveries_total", 3, "soc", "delivered")
    series._add("egret_deliveries_total", 2, "file", "delivered")
    assert series.value("egret_deliveries_total", "soc", "delivered") == 3
    assert series.value("egret_deliveries_total", "nobody", "delivered") == 0
    assert series.total("egret_deliveries_total", outcome="delivered") == 5
    assert series.by_label("egret_deliveries_total", "sink") == {"soc": 3, "file": 2}
    before = series.series_count()
    series._set("egret_geoip_build_timestamp_seconds", 1, "db")
    assert series.series_count() == before + 1
    series._forget("egret_geoip_build_timestamp_seconds")
    assert series.series_count() == before


def test_gauges_are_brought_up_to_date_when_somebody_asks() -> None:
    series = Series(Log())
    series._announce("egret_delivery_queue_length", [("soc",)])
    series.refresh = lambda: series._set("egret_delivery_queue_length", 7, "soc")
    assert 'egret_delivery_queue_length{sink="soc"} 7.0' in series.exposition().decode()


def test_a_series_is_looked_up_once_and_counts_on() -> None:
    series = Series(Log())
    for _ in range(3):
        series._add("egret_deliveries_total", 2, "soc", "delivered")
    series._add("egret_deliveries_total", 1, "soc", "failed")
    assert series.by_label("egret_deliveries_total", "outcome") == {"delivered": 6, "failed": 1}
    assert len(series._children) == 2
