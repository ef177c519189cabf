"""The writer of the bundled database against a naive table, read back by somebody else's reader."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import maxminddb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.geoip_mmdb import Pointer, Span, Uint64, encode, write

RECORDS: list[dict[str, object]] = [
    {"country": {"iso_code": code}, "number": n} for n, code in enumerate(("CN", "HK", "US"))
]
METADATA: dict[str, object] = {"database_type": "T", "build_epoch": Uint64(1), "languages": [], "description": {}}
GLOBAL = 0x2001 << 112


@st.composite
def tables(draw: st.DrawFn, start: int, size: int) -> list[Span]:
    cuts = sorted(draw(st.sets(st.integers(start, start + size - 1), min_size=2, max_size=24)))
    numbers = draw(st.lists(st.sampled_from([None, 0, 1, 2]), min_size=len(cuts), max_size=len(cuts)))
    spans = [
        Span(first, following - 1, number)
        for first, following, number in zip(cuts, cuts[1:], numbers, strict=False)
        if number is not None
    ]
    return spans or [Span(cuts[0], cuts[0], 0)]


def expected(spans: list[Span], address: int) -> object:
    return next((RECORDS[span.record] for span in spans if span.first <= address <= span.last), None)


@given(v4=tables(0, 1 << 32), v6=tables(GLOBAL, 1 << 112))
def test_every_edge_reads_back(tmp_path_factory: pytest.TempPathFactory, v4: list[Span], v6: list[Span]) -> None:
    path = tmp_path_factory.mktemp("mmdb") / "t.mmdb"
    path.write_bytes(write(v4, v6, RECORDS, METADATA))
    with maxminddb.open_database(path) as reader:
        for address in {edge for span in v4 for edge in (span.first - 1, span.first, span.last, span.last + 1)}:
            if 0 <= address < 1 << 32:
                assert reader.get(ipaddress.IPv4Address(address)) == expected(v4, address)
                mapped = ipaddress.IPv6Address((0xFFFF << 32) | address)
                assert reader.get(mapped) == expected(v4, address)
        for address in {edge for span in v6 for edge in (span.first - 1, span.first, span.last, span.last + 1)}:
            assert reader.get(ipaddress.IPv6Address(address)) == expected(v6, address)


def test_same_input_same_bytes() -> None:
    v4 = [Span(1 << 24, (1 << 25) - 1, 0), Span(1 << 26, 1 << 27, 1)]
    assert write(v4, [], RECORDS, METADATA) == write(v4, [], RECORDS, METADATA)


def test_long_values_and_far_pointers(tmp_path: Path) -> None:
    names = [f"{number} " + "x" * length for number, length in enumerate((0, 27, 28, 29, 284, 285, 3000, 600_00))]
    records: list[dict[str, object]] = [{"organisation": name} for name in names for _ in range(1)]
    records += [{"organisation": f"{n} " + "y" * 60_000} for n in range(12)]
    spans = [Span(number << 24, (number << 24) + 9, number) for number in range(len(records))]
    path = tmp_path / "t.mmdb"
    path.write_bytes(write(spans, [], records, METADATA))
    with maxminddb.open_database(path) as reader:
        for span, record in zip(spans, records, strict=True):
            assert reader.get(ipaddress.IPv4Address(span.first)) == record


def test_an_empty_table_is_an_error() -> None:
    with pytest.raises(ValueError, match="two different answers"):
        write([], [], RECORDS, METADATA)


def test_unknown_types_are_an_error() -> None:
    with pytest.raises(TypeError, match="float"):
        encode(1.5)
    assert encode(Pointer(0)) == b"\x20\x00"
