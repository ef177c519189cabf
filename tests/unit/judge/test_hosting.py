from __future__ import annotations

import pytest

from egret.judge.hosting import UNKNOWN, GeoRecord, counts_as_china, hosting_of


@pytest.mark.parametrize(
    ("country", "with_sars", "without"),
    [
        ("CN", True, True),
        ("HK", True, False),
        ("MO", True, False),
        ("TW", False, False),
        ("SG", False, False),
        (None, False, False),
    ],
)
def test_in_china(country: str | None, with_sars: bool, without: bool) -> None:
    assert counts_as_china(country, count_sars=True) is with_sars
    assert counts_as_china(country, count_sars=False) is without


def test_a_record_keeps_its_own_code_and_source() -> None:
    hosting = hosting_of(GeoRecord("HK", 136907, "HUAWEI", "db 2026-06-17"), count_sars=True)
    assert (hosting.country, hosting.asn, hosting.as_org, hosting.source) == ("HK", 136907, "HUAWEI", "db 2026-06-17")
    assert hosting.in_china


def test_nothing_known() -> None:
    assert hosting_of(None, count_sars=True) == UNKNOWN
    assert UNKNOWN.source is None


@pytest.mark.parametrize(
    ("country", "asn", "expected"),
    [
        ("SG", 37963, "CN"),  # 8.129 to 8.147 in whois
        (None, 45090, "CN"),
        ("HK", 45090, "HK"),
        ("CN", 37963, "CN"),
        ("SG", 45102, "SG"),  # the operator's network abroad
        ("US", 13335, "US"),
        ("SG", None, "SG"),
    ],
)
def test_the_operator_of_a_mainland_network_goes_before_a_whois_country(
    country: str | None, asn: int | None, expected: str
) -> None:
    hosting = hosting_of(GeoRecord(country, asn, None, "whois 2026-01-01"), count_sars=True)
    assert hosting.country == expected
    assert hosting.in_china is (expected in {"CN", "HK"})
    changed = "" if country == expected else f", which says {country or 'nothing'}; AS{asn} is on the mainland"
    assert hosting.source == f"whois 2026-01-01{changed}"
