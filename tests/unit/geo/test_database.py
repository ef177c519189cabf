from __future__ import annotations

import hashlib
import ipaddress
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import geoip2.database
import mmdb_writer
import netaddr
import pytest

from egret.errors import GeoError
from egret.geo import database
from egret.geo.database import BUNDLED, CHECKSUM, GeoDatabase
from egret.judge.hosting import GeoRecord
from egret.settings.bundled import geo_dir
from tests.support.geo import ALIBABA, BUILT, DOCUMENTATION, write_mmdb

MAX_BUNDLED = 12_000_000


def packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


@pytest.fixture(scope="module")
def bundled() -> GeoDatabase:
    return GeoDatabase.open()


def country(geo: GeoDatabase, address: str) -> str | None:
    record = geo.lookup(packed(address))
    return record.country if record else None


@pytest.mark.parametrize(
    ("address", "place", "asn"),
    [
        ("8.129.152.230", "CN", 37963),  # registered SG, used in CN: the operator beats the registration
        ("8.167.1.1", "CN", 37963),
        ("43.0.0.1", "SG", 37963),  # registered SG and not announced by anybody
        ("223.5.5.5", "CN", 45102),
        ("47.88.1.1", "US", 45102),
        ("2400:3200::1", "CN", 37963),
        ("1.94.179.165", "CN", 55990),
        ("119.29.29.29", "CN", 132203),
        ("8.8.8.8", "US", 15169),
    ],
)
def test_bundled_knows_where_it_matters(bundled: GeoDatabase, address: str, place: str, asn: int) -> None:
    record = bundled.lookup(packed(address))
    assert record is not None
    assert (record.country, record.asn) == (place, asn)
    assert record.source == "Egret-Country-ASN 2026-06-17"


def test_bundled_is_small_attributed_and_free_of_geolite(bundled: GeoDatabase) -> None:
    (info,) = bundled.info()
    path = geo_dir() / BUNDLED
    assert info.size == path.stat().st_size < MAX_BUNDLED
    assert info.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (info.build, info.ip_version) == ("2026-06-17", 6)
    notice = (geo_dir() / "NOTICE.txt").read_text()
    for name in ("routeviews.org", "db-ip.com", "nro.net", "iptoasn.com"):
        assert name in notice
        assert name in info.attribution
        assert name in info.description
    assert "no GeoLite2 data" in info.description


def test_bundled_opens_with_geoip2() -> None:
    with geoip2.database.Reader(geo_dir() / BUNDLED) as reader:
        assert reader.country("8.8.8.8").country.iso_code == "US"


@pytest.mark.parametrize("address", ["10.0.0.1", "203.0.113.1", "2001:db8:86::1", "fe80::1", "::ffff:192.168.0.1"])
def test_reserved_addresses_have_no_place(tmp_path: Path, address: str) -> None:
    geo = GeoDatabase.open([write_mmdb(tmp_path / "t.mmdb", DOCUMENTATION | {"10.0.0.0/8": ALIBABA})])
    assert geo.lookup(packed(address)) is None


def test_a_test_database_may_say_otherwise(tmp_path: Path) -> None:
    geo = GeoDatabase.open([write_mmdb(tmp_path / "t.mmdb")], geolocate_reserved=True)
    known = GeoRecord("CN", 37963, "Hangzhou Alibaba Advertising Co.,Ltd.", "Test-Country-ASN 2025-06-15")
    assert geo.lookup(packed("203.0.113.1")) == known
    assert geo.lookup(packed("2001:db8:86::1")) == known
    assert geo.lookup(packed("198.51.99.1")) is None


def test_ipv4_inside_ipv6_is_looked_up(bundled: GeoDatabase) -> None:
    for address in ("::ffff:8.129.152.230", "64:ff9b::8.129.152.230", "2002:881:98e6::1"):
        assert country(bundled, address) == "CN"


def test_files_are_combined_and_named(tmp_path: Path) -> None:
    places = write_mmdb(tmp_path / "a.mmdb", {"203.0.113.0/25": {"country": {"iso_code": "SG"}}}, "GeoLite2-Country")
    networks = write_mmdb(tmp_path / "b.mmdb", DOCUMENTATION, "DBIP-ASN-Lite")
    geo = GeoDatabase.open([places, networks], geolocate_reserved=True)
    record = geo.lookup(packed("203.0.113.1"))
    assert record is not None
    assert (record.country, record.asn) == ("SG", 37963)
    assert record.source == "GeoLite2-Country 2025-06-15 + DBIP-ASN-Lite 2025-06-15"
    assert geo.lookup(packed("198.51.100.1")) == GeoRecord("US", 13335, "Cloudflare, Inc.", "DBIP-ASN-Lite 2025-06-15")
    assert [info.build_epoch_s for info in geo.info()] == [BUILT, BUILT]


def test_an_ipv4_file_says_nothing_about_ipv6(tmp_path: Path) -> None:
    writer = mmdb_writer.MMDBWriter(4, "ipinfo country_asn.mmdb", languages=["en"], description="d")
    writer.insert_network(netaddr.IPSet(["203.0.113.0/24"]), {"country": "CN", "asn": "AS37963", "as_name": "Alibaba"})
    writer.to_db_file(str(tmp_path / "v4.mmdb"))
    geo = GeoDatabase.open([tmp_path / "v4.mmdb"], geolocate_reserved=True)
    record = geo.lookup(packed("203.0.113.1"))
    assert record is not None
    assert record[:3] == ("CN", 37963, "Alibaba")
    assert geo.lookup(packed("2001:db8::1")) is None
    assert "IPinfo" in geo.info()[0].attribution


def copy_of_bundled(folder: Path) -> Path:
    return Path(shutil.copy(geo_dir() / BUNDLED, folder))


def small(folder: Path) -> Path:
    return write_mmdb(folder / "t.mmdb")


@pytest.mark.parametrize(("make", "address"), [(small, "203.0.113.1"), (copy_of_bundled, "8.129.152.230")])
def test_overwriting_the_file_harms_nobody(tmp_path: Path, make: Callable[[Path], Path], address: str) -> None:
    path = make(tmp_path)
    geo = GeoDatabase.open([path], geolocate_reserved=True)
    path.write_bytes(b"")
    assert country(geo, address) == "CN"
    assert not [fd for fd in Path("/proc/self/fd").iterdir() if "egret-geoip" in _target(fd)]


def _target(fd: Path) -> str:
    try:
        return os.readlink(fd)  # noqa: PTH115 - a link to no path
    except OSError:
        return ""


def test_without_anonymous_files_the_file_itself_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    assert country(GeoDatabase.open([copy_of_bundled(tmp_path)]), "8.129.152.230") == "CN"


def test_a_damaged_bundled_file_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mmdb(tmp_path / BUNDLED)
    (tmp_path / CHECKSUM).write_text(f"{'0' * 64}  {BUNDLED}\n")
    monkeypatch.setattr(database, "geo_dir", lambda: tmp_path)
    with pytest.raises(GeoError, match="not what its checksum says; install Egret again"):
        GeoDatabase.open()


def test_a_record_that_kills_the_reader_in_c_is_an_unknown_address(tmp_path: Path) -> None:
    path = write_mmdb(tmp_path / "t.mmdb")
    path.write_bytes(path.read_bytes().replace(b"Gcountry", b"\0country", 1))  # a map key of the type "extended"
    geo = GeoDatabase.open([path], geolocate_reserved=True)
    assert geo.lookup(packed("203.0.113.1")) is None
    assert geo.unreadable == 1


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(GeoError, match=r"gone\.mmdb: no such file; correct geoip\.databases"):
        GeoDatabase.open([tmp_path / "gone.mmdb"])


def test_a_missing_bundled_file_is_another_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "geo_dir", lambda: tmp_path)
    with pytest.raises(GeoError, match="install Egret again"):
        GeoDatabase.open()


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(GeoError, match="cannot be read"):
        GeoDatabase.open([tmp_path])


def test_an_absurd_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "MAX_FILE", 10)
    with pytest.raises(GeoError, match="too large"):
        GeoDatabase.open([write_mmdb(tmp_path / "t.mmdb")])


@pytest.mark.parametrize("content", [b"", b"no database", b"\x1f\x8b" + bytes(5000)])
def test_another_kind_of_file_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.mmdb"
    path.write_bytes(content)
    with pytest.raises(GeoError, match=r"no MaxMind DB file, or a damaged one; fetch it again"):
        GeoDatabase.open([path])


def test_damage_anywhere_is_an_error_or_an_unknown_address(tmp_path: Path) -> None:
    whole = write_mmdb(tmp_path / "whole.mmdb").read_bytes()
    path = tmp_path / "t.mmdb"
    for position in range(0, len(whole), 7):
        for damaged in (whole[:position], whole[:position] + b"\xff\xff" + whole[position + 2 :]):
            path.write_bytes(damaged)
            try:
                geo = GeoDatabase.open([path], geolocate_reserved=True)
            except GeoError:
                continue
            for cidr in DOCUMENTATION:
                geo.lookup(ipaddress.ip_network(cidr)[1].packed)


def test_an_unreadable_record_is_counted(tmp_path: Path) -> None:
    whole = write_mmdb(tmp_path / "t.mmdb").read_bytes()
    at = whole.index(bytes(16)) + 16
    end = whole.index(b"\xab\xcd\xefMaxMind.com")
    (tmp_path / "t.mmdb").write_bytes(whole[:at] + b"\x3f" * (end - at) + whole[end:])
    geo = GeoDatabase.open([tmp_path / "t.mmdb"], geolocate_reserved=True)
    assert geo.lookup(packed("203.0.113.1")) is None
    assert geo.unreadable == 1


def test_bytes_of_no_address_have_no_place(bundled: GeoDatabase) -> None:
    assert bundled.lookup(b"") is None
    assert bundled.lookup(b"12345") is None
