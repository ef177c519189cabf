"""The rules by which the bundled database is merged, on tables of a few rows."""

from __future__ import annotations

import ipaddress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts import build_geoip
from scripts.build_geoip import GRAIN_V4, CountryV4, Range, Ranges, Records, edges_of, global_only, spans
from scripts.geoip_mmdb import Span


def at(text: str) -> int:
    return int(ipaddress.ip_address(text))


@pytest.fixture
def rule() -> CountryV4:
    return CountryV4(
        delegated=nets({"8.129": "SG", "1.1": "CN", "2.2": "US", "43.0": "SG"}),
        whois=nets({"8.129": "SG", "1.1": "HK", "2.2": "SG", "3.3": "CN", "43.0": "SG"}),
        announced=nets({"8.129": "CN", "2.2": "CN"}),
        asn=nets({"8.129": "37963", "2.2": "45102", "43.0": "37963"}),
        mainland=frozenset({"37963"}),
    )


def nets(rows: dict[str, str]) -> Ranges:
    return Ranges(Range(at(f"{start}.0.0"), at(f"{start}.255.255"), value) for start, value in rows.items())


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("8.129.1.1", "CN"),  # a mainland cloud announces it: the operator beats the registration
        ("43.0.1.1", "SG"),  # the same operator, but nobody announces it
        ("2.2.1.1", "SG"),  # announced from CN by a network that is not a mainland one: the geofeed knows
        ("1.1.1.1", "CN"),  # the registration decides whether it is CN
        ("3.3.1.1", "CN"),
        ("9.9.9.9", None),
    ],
)
def test_country(rule: CountryV4, address: str, country: str | None) -> None:
    assert rule.at(at(address)) == country


ROWS = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 300), st.sampled_from(["CN", "HK", "SG"])), max_size=12)


def disjoint(rows: list[tuple[int, int, str]]) -> Ranges:
    kept: list[Range] = []
    for start, length, value in sorted(rows):
        if not kept or start > kept[-1].last:
            kept.append(Range(start, start + length, value))
    return Ranges(kept)


@given(ROWS, ROWS)
def test_merged_spans_say_what_the_tables_say(
    countries: list[tuple[int, int, str]], networks: list[tuple[int, int, str]]
) -> None:
    place, asn = disjoint(countries), disjoint([(a, b, str(len(c) + ord(c[0]))) for a, b, c in networks])
    records = Records({row.value: f"AS {row.value}" for row in asn.rows})
    merged = spans(edges_of(1, place, asn), place.at, asn, records)
    for address in range(4400):
        record = next((records.rows[span.record] for span in merged if span.first <= address <= span.last), {})
        country, number = place.at(address), asn.at(address)
        assert record.get("country") == ({"iso_code": country} if country else None)
        assert record.get("autonomous_system_number") == (int(number) if number else None)
    assert all(a.last + 1 < b.first or a.record != b.record for a, b in pairwise(merged))


def test_edges_keep_to_the_grain() -> None:
    assert edges_of(GRAIN_V4, Ranges([Range(0, 127, "a"), Range(256, 1023, "b")])) == {0, 256, 1024}


@pytest.mark.parametrize("address", ["::", "2002::", "2001::", "64:ff9b::", "fc00::", "::ffff:0:0"])
def test_ranges_that_stand_for_ipv4_are_left_out(address: str) -> None:
    first = at(address)
    assert global_only([Span(first, first + 9, 0)]) == []
    kept = Span(at("2400:3200::"), at("2400:3200::ffff"), 0)
    assert global_only([kept]) == [kept]


def test_a_package_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / f"ip-location-db-asn-{build_geoip.VERSION}.tgz").write_bytes(b"something else")
    with pytest.raises(SystemExit, match=r"SHA-256 is .*, pinned is"):
        build_geoip.fetch("asn", tmp_path)


def test_mainland_networks_have_a_source() -> None:
    assert "37963" in build_geoip.mainland_asns()
    assert all(line.count(",") >= 2 for line in build_geoip.MAINLAND.read_text().splitlines())
