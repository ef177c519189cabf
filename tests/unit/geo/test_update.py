from __future__ import annotations

import gzip
import hashlib
import tarfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from egret.errors import UpdateError
from egret.geo import update as module
from egret.geo.database import GeoDatabase
from egret.geo.update import Candidate, compare, install, must_match, prove, rollback, unpack
from egret.settings.bundled import BUNDLED_DATABASE, geo_dir
from tests.support.geo import BUILT, canaries, write_mmdb

NOW_S = BUILT + 86_400.0


def database(folder: Path, networks: Mapping[str, Mapping[str, Any]] | None = None, **told: Any) -> bytes:
    return write_mmdb(folder / "made.mmdb", networks or canaries(), **told).read_bytes()


def tarred(*names: str, data: bytes = b"x") -> bytes:
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, BytesIO(data))
    return out.getvalue()


def test_a_database_is_found_bare_gzipped_and_in_an_archive() -> None:
    archive = tarred("GeoLite2-Country_20260101/COPYRIGHT.txt", "GeoLite2-Country_20260101/GeoLite2-Country.mmdb")
    assert unpack(b"abc") == b"abc"
    assert unpack(gzip.compress(b"abc")) == b"abc"
    assert unpack(archive) == unpack(gzip.compress(archive)) == b"x"


def test_what_is_not_one_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for bad, why in (
        (gzip.compress(b"abc" * 99)[:-9], "cut off"),
        (b"\x1f\x8bnothing", "damaged"),
        (tarred("a.mmdb", "b.mmdb"), "2 databases"),
        (tarred("../../etc/passwd"), "0 databases"),
        (tarred("a.mmdb", data=b"y" * 2000)[:700], "cannot be read"),
    ):
        with pytest.raises(UpdateError, match=why):
            unpack(bad)
    monkeypatch.setattr(module, "MAX_DATABASE", 100)
    with pytest.raises(UpdateError, match="unpacked"):
        unpack(gzip.compress(bytes(101)))


def test_a_checksum_has_to_be_that_of_the_download() -> None:
    must_match(b"abc", f"{hashlib.sha256(b'abc').hexdigest()}  x.tar.gz\n")
    for bad in ("", "abc", hashlib.sha256(b"other").hexdigest()):
        with pytest.raises(UpdateError, match="SHA-256"):
            must_match(b"abc", bad)


def test_the_bundled_database_proves_itself() -> None:
    data = (geo_dir() / BUNDLED_DATABASE).read_bytes()
    assert prove(data, 2e9, "asn").file_name == "Egret-Country-ASN.mmdb"


def test_a_database_of_any_type_has_a_harmless_name(tmp_path: Path) -> None:
    assert prove(database(tmp_path, database_type="../x y"), NOW_S).file_name == "x-y.mmdb"


def test_databases_that_do_not_prove_themselves(tmp_path: Path) -> None:
    good = database(tmp_path)
    for data, now_s, expected, why in (
        (b"short", NOW_S, None, "no size"),
        (bytes(9999), NOW_S, None, "no MaxMind DB"),
        (good, NOW_S, "GeoLite2-ASN", "not GeoLite2-ASN"),
        (good, BUILT - 9 * 86_400, None, "in the future"),
        (database(tmp_path, canaries(china="US")), NOW_S, None, "says US of 223.5.5.5"),
        (database(tmp_path, canaries(google=64500)), NOW_S, None, "says AS64500 of 8.8.8.8"),
        (database(tmp_path, canaries(only=2)), NOW_S, None, "knows 2 of 5"),
    ):
        with pytest.raises(UpdateError, match=why):
            prove(data, now_s, expected)


def made(tmp_path: Path, **told: Any) -> Candidate:
    return prove(database(tmp_path, **told), 2e9)


def test_a_newer_one_is_put_in_place_and_the_one_before_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "state/geoip"
    first, second = made(tmp_path, description="first"), made(tmp_path, description="second", built=BUILT + 1)
    assert compare(first, folder) is None
    path = install(first, folder)
    before = compare(second, folder)
    assert before is not None
    assert before.description == "first"
    assert install(second, folder) == path
    assert GeoDatabase.open([path]).info()[0].description == "second"
    assert sorted(each.name for each in folder.iterdir()) == ["Test-Country-ASN.mmdb", "Test-Country-ASN.previous"]
    assert rollback(folder) == [path]
    assert GeoDatabase.open([path]).info()[0].description == "first"
    assert rollback(folder) == [path]
    assert not path.exists()
    with pytest.raises(UpdateError, match="no update is installed"):
        rollback(folder)


def test_older_and_much_smaller_ones_are_refused_and_a_damaged_one_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "geoip"
    path = install(made(tmp_path, built=BUILT + 1, description="d" * 60_000), folder)
    with pytest.raises(UpdateError, match="older than"):
        compare(made(tmp_path), folder)
    with pytest.raises(UpdateError, match="where there were"):
        compare(made(tmp_path, built=BUILT + 2), folder)
    path.write_bytes(b"damaged")
    assert compare(made(tmp_path), folder) is None


def test_a_folder_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "geoip").write_text("a file")
    with pytest.raises(UpdateError, match="nothing was changed"):
        install(made(tmp_path), tmp_path / "geoip")
