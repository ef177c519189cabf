from __future__ import annotations

from ipaddress import ip_address

import pytest

from egret.geo.own_reader import OwnReader
from egret.settings.bundled import BUNDLED_DATABASE, geo_dir
from scripts.geoip_mmdb import Span, Uint64, write

METADATA: dict[str, object] = {"database_type": "T", "build_epoch": Uint64(7), "languages": ["en"], "description": {}}


def test_what_a_file_says_of_itself() -> None:
    said = OwnReader(write([Span(1 << 24, 1 << 25, 0)], [], [{"a": 1}], METADATA)).metadata()
    assert (said.ip_version, said.database_type, said.build_epoch, said.description) == (6, "T", 7, {})


def test_long_values_and_far_pointers() -> None:
    names = [f"{number} " + "x" * size for number, size in enumerate((0, 27, 28, 284, 285, 3000, 60_000))]
    names += [f"{number} " + "y" * 60_000 for number in range(12)]
    records: list[dict[str, object]] = [{"name": name, "number": 1 << 31} for name in names]
    spans = [Span(number << 24, (number << 24) + 9, number) for number in range(len(records))]
    reader = OwnReader(write(spans, [], records, METADATA))
    for span, record in zip(spans, records, strict=True):
        assert reader.get(ip_address(span.first)) == record
        assert reader.get(ip_address(span.last + 1)) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"no database", (geo_dir() / BUNDLED_DATABASE).read_bytes()[-400:].replace(b"\xa1\x18", b"\xa1\x1c")],
)
def test_another_kind_of_file_is_an_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"not found|not what"):
        OwnReader(content)
