from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from egret.cli import client_checks as module
from egret.cli.client_checks import check_names
from egret.cli.findings import Level
from egret.errors import SourceError
from egret.settings.config import Config, override
from egret.sources.neighbours import Neighbours
from egret.sources.privileges import Identity

LEASE = "1767700000 02:00:5e:10:00:01 192.0.2.7 laptop *\n"


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "read_neighbours", lambda: Neighbours({b"1234": "a", b"5678": "a"}, frozenset()))


def config(**clients: Any) -> Config:
    return override(Config(), {"clients": {"discover": False, **clients}})


def said(settings: Config) -> list[tuple[Level, str]]:
    return [(finding.level, finding.found) for finding in check_names(settings)]


def as_service(monkeypatch: pytest.MonkeyPatch, *, may: bool) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(module, "find_user", lambda _name: Identity("egret", 65534, 65534))
    monkeypatch.setattr(module, "_may_read", lambda *_: may)


def test_nothing_to_read_is_fine() -> None:
    found = said(config())
    assert found[0] == (Level.OK, "neighbour table, addresses: 2, devices: 1")
    assert "clients are their addresses" in found[1][1]
    assert len(said(config(neighbours=False))) == 1


def test_files_that_are_read_and_that_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_service(monkeypatch, may=True)
    leases, hosts = tmp_path / "leases", tmp_path / "hosts"
    leases.write_text(LEASE)
    hosts.write_text("192.0.2.8 printer\n")
    settings = config(leases=[{"path": leases}, {"path": tmp_path / "gone"}], hosts_file=hosts, neighbours=False)
    levels = said(settings)
    assert levels[0] == (Level.OK, f"{leases}, leases: 1")
    assert levels[1][0] is Level.WARN
    assert levels[2] == (Level.OK, f"{hosts}, names: 1")
    assert said(config(hosts_file=tmp_path / "gone", neighbours=False))[0][0] is Level.WARN


def test_what_the_service_may_not_read_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_service(monkeypatch, may=False)
    leases = tmp_path / "leases"
    leases.write_text(LEASE)
    (finding,) = check_names(config(leases=[{"path": leases}], neighbours=False))
    assert finding.level is Level.WARN
    assert "egret, who runs the service, may not read" in finding.found
    assert f"setfacl -m u:egret:r {leases}" in finding.remedy


def test_a_kernel_or_a_user_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Any:
        raise SourceError("refused")

    monkeypatch.setattr(module, "read_neighbours", refuse)
    assert said(config())[0] == (Level.WARN, "refused")
    as_service(monkeypatch, may=False)
    monkeypatch.setattr(module, "find_user", refuse)
    leases = tmp_path / "leases"
    leases.write_text(LEASE)
    assert said(config(leases=[{"path": leases}], neighbours=False))[0][0] is Level.OK


@pytest.mark.skipif(os.geteuid() != 0, reason="only root asks as somebody else")
def test_the_kernel_decides_who_may_read(tmp_path: Path) -> None:
    path = tmp_path / "leases"
    path.write_text(LEASE)
    path.chmod(0o600)
    assert not module._may_read(path, 65534, 65534)
    assert module._may_read(path, 0, 0)


def test_where_nobody_can_become_another_nothing_is_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TEST", str(tmp_path / "gone"))
    assert module._may_read(tmp_path, os.geteuid(), os.getegid())
