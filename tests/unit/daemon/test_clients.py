from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from egret.daemon import clients as module
from egret.daemon.clients import ClientReader, declared, learn, lease_sources
from egret.errors import SourceError
from egret.judge.directory import ClientDirectory
from egret.model import Role
from egret.settings.clients_section import ClientRoles, Clients, StaticClient
from egret.sources.leases import LeaseSource
from egret.sources.neighbours import Neighbours
from egret.telemetry.table import ClientSource
from tests.support.leases import LAPTOP, NOW, PHONE, ROUTER, V6, A, B, line, settings


@pytest.fixture
def leases(tmp_path: Path) -> Path:
    path = tmp_path / "dnsmasq.leases"
    path.write_text(line())
    return path


def test_the_configurations_word() -> None:
    said = declared(
        Clients(
            static=(StaticClient(address="192.0.2.7", name="desk"), StaticClient(subnet="192.0.2.0/24", groups=("x",))),  # type: ignore[arg-type]
            groups={"lab": ("desk",)},
            roles=ClientRoles(nat=("192.0.2.1/32",)),
        )
    )
    known = ClientDirectory(said)
    assert (known.identify(A, 0).name, known.identify(A, 0).groups) == ("desk", ("lab", "x"))
    assert known.identify(ip_address("192.0.2.1").packed, 0).role is Role.NAT


def test_leases_are_read_again_only_when_they_change(leases: Path) -> None:
    reader = ClientReader(settings(leases), live=True)
    first, second = reader.read(), reader.read()
    assert first.leases is not None
    assert [lease.name for lease in first.leases] == ["laptop"]
    assert second.leases is None
    leases.write_text(line() + line(PHONE, "192.0.2.8", "phone"))
    third = reader.read()
    assert third.leases is not None
    assert len(third.leases) == 2


def test_a_file_that_fails_keeps_what_it_said(leases: Path) -> None:
    directory, reader = ClientDirectory(), ClientReader(settings(leases), live=True)
    learn(directory, reader.read(), NOW)
    leases.unlink()
    news = reader.read()
    learn(directory, news, NOW)
    assert directory.identify(A, NOW).name == "laptop"
    assert "No such file" in news.problems[ClientSource.LEASES][0]
    leases.write_text(line(name="other"))
    news = reader.read()
    learn(directory, news, NOW)
    assert directory.identify(A, NOW).name == "other"
    assert news.problems[ClientSource.LEASES] == []


def test_a_device_whose_address_changes_stays_the_same_client(leases: Path) -> None:
    directory, reader = ClientDirectory(), ClientReader(settings(leases), live=True)
    learn(directory, reader.read(), NOW)
    before = directory.identify(A, NOW)
    leases.write_text(line(address="192.0.2.8") + line(PHONE, "192.0.2.7", "phone"))
    learn(directory, reader.read(), NOW)
    assert directory.identify(B, NOW).key == before.key
    assert directory.identify(A, NOW).name == "phone"


def test_a_hosts_file(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    reader = ClientReader(settings(hosts_file=path), live=True)
    assert "hosts" in reader.read().problems[ClientSource.HOSTS][0]
    path.write_text("192.0.2.7 printer\n")
    news = reader.read()
    assert (news.hosts, news.problems[ClientSource.HOSTS]) == ({A: "printer"}, [])
    assert reader.read().hosts is None
    directory = ClientDirectory()
    learn(directory, news, NOW)
    assert directory.identify(A, NOW).name == "printer"


def test_neighbours_are_this_machines_and_live_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Neighbours({A: LAPTOP, V6: LAPTOP, B: ROUTER}, frozenset({ROUTER}))
    monkeypatch.setattr(module, "read_neighbours", lambda: found)
    assert ClientReader(settings(neighbours=True), live=False).read().neighbours is None
    assert ClientReader(settings(neighbours=False), live=True).read().neighbours is None
    directory = ClientDirectory()
    learn(directory, ClientReader(settings(neighbours=True), live=True).read(), NOW)
    assert directory.identify(A, NOW).key == directory.identify(V6, NOW).key == f"mac:{LAPTOP}"
    assert directory.identify(B, NOW).role is Role.NAT


def test_a_kernel_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Neighbours:
        raise SourceError("the neighbour table cannot be read: refused")

    reader = ClientReader(settings(neighbours=True), live=True)
    monkeypatch.setattr(module, "read_neighbours", refuse)
    assert reader.read().problems[ClientSource.NEIGHBOURS] == ["the neighbour table cannot be read: refused"]
    monkeypatch.setattr(module, "read_neighbours", lambda: Neighbours({}, frozenset()))
    assert reader.read().problems[ClientSource.NEIGHBOURS] == []


def test_this_machines_server_is_found_live_and_where_none_is_named(
    leases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "discover", lambda: [LeaseSource(leases)])
    assert lease_sources(Clients(), live=True) == [LeaseSource(leases)]
    assert lease_sources(Clients(), live=False) == []
    assert lease_sources(Clients(discover=False), live=True) == []
    assert lease_sources(settings(Path("/x"), discover=True), live=True) == [LeaseSource(Path("/x"))]


def test_a_server_that_is_taken_away_takes_its_names(leases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "discover", lambda: [LeaseSource(leases)] if leases.exists() else [])
    reader = ClientReader(Clients(neighbours=False), live=True)
    assert reader.read().leases
    leases.unlink()
    assert reader.read().leases == []
