from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from egret.cli.main import invoke
from tests.support.hello import Tcp, openssl_hello, records
from tests.support.net import pcap_bytes, write


@pytest.fixture
def capture(tmp_path: Path) -> str:
    named, nameless, rubbish = Tcp(sport=1111), Tcp(sport=2222), Tcp(sport=3333)
    frames = [
        *named.handshake(),
        *named.stream(records(openssl_hello("WWW.Other.Example"))),
        *nameless.handshake(),
        *nameless.stream(records(openssl_hello(None))),
        *rubbish.handshake(),
        *rubbish.stream(b"\x16\x03\x01\x00\x05\x01\xff\xff\xff\xff"),
    ]
    return write(tmp_path / "in.pcap", pcap_bytes([bytes(frame.data) for frame in frames], linktype=101))


def lines(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    assert invoke(["observe", *arguments]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_prints_every_name_matched_or_not(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = lines([capture], capsys)
    assert (line["protocol"], line["kind"], line["name"]) == ("tls", "client_hello", "www.other.example")
    assert line["file"] == capture


def test_flows_and_anomalies_only_when_asked(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = [line["kind"] for line in lines(["--flows", "--anomalies", capture], capsys)]
    assert kinds.count("flow") == 3
    assert "anomaly" in kinds


def test_a_missing_file_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["observe", "no-such.pcap"]) == 2
    assert "no-such.pcap" in capsys.readouterr().err
