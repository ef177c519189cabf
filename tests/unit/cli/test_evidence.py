from __future__ import annotations

import json
from pathlib import Path

import pytest

from egret.cli.main import invoke
from egret.settings.ed25519 import new_pair
from egret.store.seal import Seal
from tests.support.hello import Tcp, openssl_hello, records
from tests.support.net import pcap_bytes, write


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    flow = Tcp(sport=1111)
    frames = [*flow.handshake(), *flow.stream(records(openssl_hello("chat.qwen.ai")))]
    capture = write(tmp_path / "in.pcap", pcap_bytes([bytes(frame.data) for frame in frames], linktype=101))
    folder = tmp_path / "evidence"
    assert invoke(["replay", "--format", "jsonl", "--evidence", str(folder), capture]) == 0
    alert = json.loads(capsys.readouterr().out)
    assert sorted(alert["incident"]["evidence_files"]) == sorted(map(str, folder.iterdir()))
    assert alert["incident"]["evidence_api"] == f"/api/v1/incidents/{alert['incident']['id']}/evidence"
    return folder


def identity(place: Path) -> str:
    return next(place.glob("*.json")).stem


def test_it_is_listed_and_shown(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["evidence", "list", "--folder", str(place)]) == 0
    assert f"{identity(place)}  1970-01-01T00:00:03Z  high  192.0.2.10" in capsys.readouterr().out
    assert invoke(["evidence", "list", "--json", "--folder", str(place)]) == 0
    assert json.loads(capsys.readouterr().out)["signature"] == "alibaba.qwen-chat"
    assert invoke(["evidence", "show", identity(place), "--folder", str(place)]) == 0
    text = capsys.readouterr().out
    assert "tls client_hello names chat.qwen.ai, which is alibaba.qwen-chat by" in text
    assert "catalog version: 2" in text
    assert invoke(["evidence", "show", "--json", identity(place), "--folder", str(place)]) == 0
    assert json.loads(capsys.readouterr().out)["observations"][0]["name"] == "chat.qwen.ai"


def test_it_is_proven_again(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["evidence", "verify", "--folder", str(place)]) == 0
    text = capsys.readouterr().out
    assert "proven; hashes agree; not sealed; the same catalogue" in text
    assert text.endswith("1 of 1 incidents proven\n")
    assert invoke(["evidence", "verify", "--json", identity(place), "--folder", str(place)]) == 0
    assert json.loads(capsys.readouterr().out)["holds"] is True


def test_what_was_changed_is_not_proven(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = next(place.glob("*.pcapng"))
    capture.write_bytes(capture.read_bytes().replace(b"chat.qwen.ai", b"chat.other.a"))
    assert invoke(["evidence", "verify", "--folder", str(place)]) == 1
    text = capsys.readouterr().out
    assert "NOT proven; NOT as recorded" in text
    assert "the packets name nothing of catalogue" in text


def test_it_is_handed_out_and_nothing_is_overwritten(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "out"
    into.mkdir()
    assert invoke(["evidence", "export", identity(place), str(into), "--folder", str(place)]) == 0
    assert len(list(into.iterdir())) == 2
    assert invoke(["evidence", "verify", "--folder", str(into)]) == 0
    assert invoke(["evidence", "export", identity(place), str(into), "--folder", str(place)]) == 1
    assert "exists" in capsys.readouterr().err


def test_what_is_not_there_is_said(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["evidence", "show", "0" * 8, "--folder", str(place)]) == 2
    assert "no evidence of incident 00000000" in capsys.readouterr().err
    assert invoke(["evidence", "list"]) == 0  # the sensor's own folder: there is none yet
    assert capsys.readouterr().out == ""


def test_a_seal_is_asked_for_by_its_key(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seal, record = Seal(tmp_path), place / f"{identity(place)}.json"
    verify = ["evidence", "verify", "--folder", str(place)]
    record.write_text(json.dumps(seal.put(json.loads(record.read_text()))))
    assert invoke([*verify, "--key", seal.known() or ""]) == 0
    assert "proven; hashes agree; sealed; " in capsys.readouterr().out
    assert invoke([*verify, "--key", new_pair()[1]]) == 1
    assert "sealed by a key that is not known here: whose?" in capsys.readouterr().out
    assert invoke([*verify, "--key", "x"]) == 2
    assert invoke(verify) == 0
    record.write_text(record.read_text().replace("192.0.2.10", "192.0.2.99"))
    assert invoke(verify) == 1
    assert "changed after it was sealed" in capsys.readouterr().out
