from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from egret.cli import geoip
from egret.errors import GeoError
from egret.geo.database import GeoDatabase
from egret.settings.config import Config
from tests.support.geo import write_mmdb

CONTRACT = ["address", "country", "asn", "as_org", "operator", "source"]
run = CliRunner().invoke


@pytest.fixture
def config(tmp_path: Path) -> Path:
    database = write_mmdb(tmp_path / "t.mmdb", database_type="GeoLite2-Test [red]")
    path = tmp_path / "egret.yaml"
    path.write_text(f"geoip:\n  databases: [{database}]\n  geolocate_reserved: true\n")
    return path


def lookup(config: Path, *arguments: str, stdin: bytes = b"") -> list[dict[str, object]]:
    result = run(geoip.app, ["lookup", "-c", str(config), *arguments], input=stdin)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_one_line_for_each_argument(config: Path) -> None:
    lines = lookup(config, "203.0.113.1", "2001:db8:86::1", "192.0.2.1")
    assert [list(line)[:6] for line in lines] == [CONTRACT] * 3
    assert lines[0] == {
        "address": "203.0.113.1",
        "country": "CN",
        "asn": 37963,
        "as_org": "Hangzhou Alibaba Advertising Co.,Ltd.",
        "operator": "Alibaba",
        "source": "GeoLite2-Test [red] 2025-06-15",
        "network": "prc-ai-cloud",
    }
    assert lines[1]["country"] == "CN"
    assert set(list(lines[2].values())[1:]) == {None}


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_one_line_for_each_line_bad_ones_included(config: Path, arguments: tuple[str, ...]) -> None:
    stdin = (
        b"203.0.113.1\r\n\n  198.51.100.9 \nnonsense\n\xff\xfe\x1b[31m\n[2001:db8:1::1]\n203.0.113.300\n" + b"9" * 5000
    )
    lines = lookup(config, *arguments, stdin=stdin)
    assert [line["country"] for line in lines] == ["CN", None, "US", None, None, "US", None, None]
    assert [line.get("error") for line in lines][:4] == [None, "empty line", None, "not an IP address"]
    assert all(list(line)[:6] == CONTRACT for line in lines)
    assert len(str(lines[-1]["address"])) == geoip.MAX_ECHO


def test_arguments_and_lines_keep_their_order(config: Path) -> None:
    lines = lookup(config, "198.51.100.9", "-", "203.0.113.1", stdin=b"10.0.0.1\n")
    assert [line["address"] for line in lines] == ["198.51.100.9", "10.0.0.1", "203.0.113.1"]


def test_a_line_is_answered_before_the_next_is_read(monkeypatch: pytest.MonkeyPatch, config: Path) -> None:
    out = io.StringIO()

    class Waiting(io.RawIOBase):
        """Standard input of a program that waits for each answer."""

        asked = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            assert out.getvalue().count("\n") == self.asked
            self.asked += 1
            return b"203.0.113.1\n" if self.asked <= 3 else b""

    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=Waiting()))
    monkeypatch.setattr("sys.stdout", out)
    geoip.lookup(["-"], config)
    assert out.getvalue().count("\n") == 3


def test_info_for_people(config: Path) -> None:
    result = run(geoip.app, ["info", "-c", str(config)], terminal_width=200)
    assert result.exit_code == 0
    for expected in ("GeoLite2-Test [red] 2025-06-15", "created by MaxMind", "for tests", "IPv4 and IPv6"):
        assert expected in " ".join(result.stdout.split())


def test_info_for_programs_names_the_bundled_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geoip, "default_config_file", lambda: None)
    result = run(geoip.app, ["info", "--json"])
    (database,) = json.loads(result.stdout)
    assert database["database_type"] == "Egret-Country-ASN"
    assert "db-ip.com" in database["attribution"]
    assert len(database["sha256"]) == 64


def test_a_broken_database_is_one_error(tmp_path: Path) -> None:
    broken = tmp_path / "x.mmdb"
    broken.write_bytes(b"nothing")
    config = Config.model_validate({"geoip": {"databases": [str(broken)]}})
    with pytest.raises(GeoError, match=r"x\.mmdb: no MaxMind"):
        geoip.open_databases(config)


def test_a_line_may_be_anything(tmp_path: Path) -> None:
    database = GeoDatabase.open([write_mmdb(tmp_path / "t.mmdb")])
    for text in (
        "",
        " ",
        "\0",
        "1.2.3.4/24",
        "fe80::1%eth0",
        "0x7f000001",
        "\uff11.1.1.1",
        "127.1",
        "::ffff:203.0.113.1",
    ):
        assert geoip.lookup_line(text, database)["country"] is None
