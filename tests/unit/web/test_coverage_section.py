from __future__ import annotations

from egret.telemetry import Telemetry
from egret.telemetry.coverage import Interval, Length
from egret.web.coverage_section import SHOWN_HOURS, coverage_section
from egret.web.status import coverage as since_start
from tests.support.webview import HOSTILE, NOW_NS, coverage, telemetry


def made() -> str:
    covered = since_start(telemetry())
    return coverage_section(covered, coverage(Length.HOUR), coverage(Length.MINUTE), NOW_NS)


def test_every_hour_of_the_day_has_a_column_and_says_what_it_is_worth() -> None:
    html = made()
    assert html.count("<title>") == SHOWN_HOURS
    assert html.count("not watched</title>") == 4
    assert html.count("no connection</title>") == 2
    assert html.count('<rect class="lost"') == 1


def test_what_hid_names_and_what_was_lost_is_said_beside_the_share() -> None:
    html = made()
    for said in (
        "Last minute: 97.6% of 900 outbound connections named; wg0 silent.",
        "wg0 10 min down",
        "encrypted DNS: Cloudflare",
        "encrypted DNS in the PRC: AliDNS",
        "HTTPDNS: alibaba",
        "ECH, true name hidden",
    ):
        assert said in html
    assert HOSTILE not in html


def test_a_minute_without_a_connection_names_the_silent_links() -> None:
    quiet = Interval(start_s=0, seconds=60, counts={"link_silent_s": {"lan0": 60}, "link_down_s": {"wg0": 3}})
    html = coverage_section(since_start(Telemetry("0")), [], [quiet], NOW_NS)
    assert "Last minute: no outbound connection; wg0 down, lan0 silent." in html


def test_at_the_start_nothing_is_claimed() -> None:
    html = coverage_section(since_start(Telemetry("0")), [], [], NOW_NS)
    assert "No outbound connection seen yet" in html
    assert html.count("not watched</title>") == SHOWN_HOURS
    assert "No encrypted DNS" in html
