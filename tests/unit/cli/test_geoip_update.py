from __future__ import annotations

import gzip
import hashlib
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from egret.cli import geoip_update as module
from egret.cli.main import invoke
from egret.errors import UpdateError
from egret.sinks.download import Credentials
from tests.support.geo import BUILT, canaries, write_mmdb


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("CONFIGURATION_DIRECTORY", str(tmp_path))
    return tmp_path / "state/geoip"


def made(tmp_path: Path, kind: str = "Test-Country-ASN", built: int = BUILT) -> Path:
    return write_mmdb(tmp_path / "made.mmdb", canaries(), database_type=kind, built=built)


def test_a_file_is_installed_used_and_rolled_back(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "made.mmdb.gz"
    packed.write_bytes(gzip.compress(made(tmp_path).read_bytes()))
    assert invoke(["geoip", "update", "--dry-run", str(packed)]) == 0
    assert "would install Test-Country-ASN 2025-06-15" in capsys.readouterr().out
    assert not state.exists()
    assert invoke(["geoip", "update", str(packed)]) == 0
    assert f"installed Test-Country-ASN 2025-06-15, 0.0 MB: {state}" in capsys.readouterr().out
    assert invoke(["geoip", "lookup", "223.5.5.5"]) == 0
    assert "Test-Country-ASN 2025-06-15" in capsys.readouterr().out
    assert invoke(["geoip", "update", "--rollback"]) == 0
    assert "removed" in capsys.readouterr().out
    assert invoke(["geoip", "update", "--rollback"]) == 1


def test_an_older_one_needs_force(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["geoip", "update", str(made(tmp_path, built=BUILT + 86_400))]) == 0
    older = str(made(tmp_path))
    assert invoke(["geoip", "update", older]) == 1
    assert "is older than" in capsys.readouterr().err
    assert invoke(["geoip", "update", "--force", older]) == 0
    assert invoke(["geoip", "update", "--rollback"]) == 0
    assert "rolled back" in capsys.readouterr().out


def test_other_databases_in_the_settings_are_pointed_out(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = made(tmp_path)
    (tmp_path / "egret.yaml").write_text(f"geoip: {{databases: [{path}]}}\n")
    assert invoke(["geoip", "update", str(path)]) == 0
    assert "geoip.databases names other files" in capsys.readouterr().err


def test_without_a_source_or_a_file_it_says_what_to_do(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert invoke(["geoip", "update"]) == 2
    assert "set geoip.update.source" in capsys.readouterr().err
    assert invoke(["geoip", "update", str(tmp_path / "gone")]) == 1
    monkeypatch.setattr(module, "MAX_DOWNLOAD", 10)
    assert invoke(["geoip", "update", str(made(tmp_path))]) == 1
    assert "more than 10 bytes" in capsys.readouterr().err


class Web:
    """What would be fetched, and with which credentials."""

    def __init__(self, pages: dict[str, bytes]) -> None:
        self.pages = pages
        self.asked: list[tuple[str, Credentials | None]] = []

    def __call__(
        self, url: str, _max_bytes: int, _timeout_s: float = 0.0, *, credentials: Credentials | None = None
    ) -> bytes:
        self.asked.append((url, credentials))
        if url not in self.pages:
            raise UpdateError("HTTP 404")
        return self.pages[url]


def test_maxmind_is_asked_with_the_account_and_held_to_its_checksum(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key").write_text("s3cret")
    update = f"source: maxmind, account_id: 7, license_key: 'file:{tmp_path}/key', editions: [GeoLite2-Country]"
    (tmp_path / "egret.yaml").write_text(f"geoip: {{update: {{{update}}}}}\n")
    data = made(tmp_path, "GeoLite2-Country").read_bytes()
    url = "https://download.maxmind.com/geoip/databases/GeoLite2-Country/download?suffix=tar.gz"
    web = Web({url: data, f"{url}.sha256": f"{hashlib.sha256(data).hexdigest()}  x\n".encode()})
    monkeypatch.setattr(module, "download", web)
    assert invoke(["geoip", "update"]) == 0
    assert (state / "GeoLite2-Country.mmdb").read_bytes() == data
    assert web.asked == [(url, Credentials("7", "s3cret")), (f"{url}.sha256", Credentials("7", "s3cret"))]
    web.pages[f"{url}.sha256"] = b"0" * 64
    assert invoke(["geoip", "update"]) == 1
    said = capsys.readouterr()
    assert "SHA-256" in said.err
    assert "s3cret" not in said.out + said.err


def test_dbip_gives_the_month_before_while_there_is_no_newer_one(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "egret.yaml").write_text("geoip: {update: {source: dbip, editions: [country]}}\n")
    now = datetime(2026, 1, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(time, "time", now.timestamp)
    packed = gzip.compress(made(tmp_path, "DBIP-Country-Lite").read_bytes())
    web = Web({"https://download.db-ip.com/free/dbip-country-lite-2025-12.mmdb.gz": packed})
    monkeypatch.setattr(module, "download", web)
    assert invoke(["geoip", "update"]) == 0
    assert (state / "DBIP-Country-Lite.mmdb").exists()
    assert [url[-14:] for url, _ in web.asked] == ["2026-01.mmdb.gz"[-14:], "2025-12.mmdb.gz"[-14:]]


def test_an_address_is_fetched(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    web = Web({"https://files.example/x.mmdb": made(tmp_path).read_bytes()})
    monkeypatch.setattr(module, "download", web)
    assert invoke(["geoip", "update", "https://files.example/x.mmdb"]) == 0
    assert web.asked == [("https://files.example/x.mmdb", None)]
