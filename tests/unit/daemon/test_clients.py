from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from egret.daemon import clients as module
from egret.daemon.clients import ClientReader, ClientWatch, declared, learn, lease_sources
from egret.errors import SourceError
from egret.judge.directory import ClientDirectory
from egret.model import Role
from egret.settings.clients_section import ClientRoles, Clients, LeaseFile, StaticClient
from egret.sources.leases import LeaseSource
from egret.sources.neighbours import Neighbours
from egret.telemetry import Telemetry
from egret.telemetry.table import ClientSource
from egret.worker.wire import Speakers

LAPTOP, PHONE, ROUTER = "02:00:5e:10:00:01", "02:00:5e:10:00:02", "02:00:5e:10:00:fe"
A, B, V6 = (ip_address(text).packed for text in ("192.0.2.7", "192.0.2.8", "2001:db8::7"))
NOW = 1_767_700_000 * 10**9


def line(mac: str = LAPTOP, address: str = "192.0.2.7", name: str = "laptop") -> str:
    return f"1767709999 {mac} {address} {name} *\n"


@pytest.fixture
def leases(tmp_path: Path) -> Path:
    path = tmp_path / "dnsmasq.leases"
    path.write_text(line())
    return path


def settings(leases: Path | None = None, **more: object) -> Clients:
    files = (LeaseFile(path=leases),) if leases else ()
    return Clients(leases=files, **({"neighbours": False, "discover": False} | more))  # type: ignore[arg-type]


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


def test_what_cannot_be_read_is_counted_and_logged_once(leases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    telemetry, directory = Telemetry("test"), ClientDirectory()
    watch = ClientWatch(settings(leases), directory, telemetry)
    told: list[str] = []
    telemetry.log.event = lambda _level, event, **fields: told.append(f"{event} {fields['why']}")  # type: ignore[method-assign]
    leases.unlink()

    async def play() -> None:
        await watch.begin()
        await watch.refresh()

    asyncio.run(play())
    assert telemetry.by_label("egret_client_sources_failing", "source")["leases"] == 1
    assert len(told) == 1
    assert str(leases) in told[0]
    leases.write_text(line())
    asyncio.run(watch.refresh())
    assert telemetry.by_label("egret_client_sources_failing", "source")["leases"] == 0
    assert directory.identify(A, NOW).name == "laptop"


def test_it_goes_on_looking_and_a_bug_of_ours_ends_nothing(leases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    telemetry, directory = Telemetry("test"), ClientDirectory()
    watch = ClientWatch(settings(leases, refresh=timedelta(seconds=1)), directory, telemetry)
    monkeypatch.setattr(watch, "_refresh_s", 0.01)
    monkeypatch.setattr(watch._reader, "read", lambda: 1 / 0)

    async def play() -> None:
        await watch.begin()
        task = asyncio.create_task(watch.run())
        await asyncio.sleep(0.1)
        watch.apply(settings(leases))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await watch.refresh()

    asyncio.run(play())
    assert telemetry.total("egret_internal_errors_total") > 1
    assert directory.identify(A, NOW).name == "laptop"


def test_a_disk_that_hangs_holds_nothing_up(leases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = ClientWatch(settings(leases), ClientDirectory(), Telemetry("test"))
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)
    read_end, write_end = os.pipe()
    monkeypatch.setattr(watch._reader, "read", lambda: os.read(read_end, 1))

    async def play() -> None:
        await watch.begin()
        os.write(write_end, b"x")
        assert watch._looking is not None
        watch._looking.cancel()
        await asyncio.gather(watch._looking, return_exceptions=True)

    asyncio.run(play())


def test_who_a_worker_saw_speak_for_others_is_marked(leases: Path) -> None:
    directory = ClientDirectory()
    ClientWatch(settings(leases), directory, Telemetry("test")).heard(Speakers(((A, Role.RESOLVER, NOW),)))
    assert directory.identify(A, NOW).role is Role.RESOLVER


def test_a_device_that_is_new_is_asked_for_at_once_and_not_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    table: dict[bytes, str] = {}

    def read() -> Neighbours:
        asked.append(1)
        if not table:
            raise SourceError("refused")
        return Neighbours(dict(table), frozenset())

    monkeypatch.setattr(module, "read_neighbours", read)
    watch = ClientWatch(settings(neighbours=True), ClientDirectory(), Telemetry("test"))
    assert watch.identify(A, NOW).key == "ip:192.0.2.7"
    table[A] = LAPTOP
    watch._credit_s = -1.0
    assert watch.identify(A, NOW).key == "ip:192.0.2.7"
    assert len(asked) == 1
    watch._credit_s = 0.1
    assert watch.identify(A, NOW).key == f"mac:{LAPTOP}"
    assert watch.addresses_of(LAPTOP, NOW) == {"192.0.2.7"}
    watch.identify(A, NOW)
    assert len(asked) == 2  # it is known
    without = ClientWatch(settings(neighbours=False), ClientDirectory(), Telemetry("test"))
    assert without.identify(B, NOW).key == "ip:192.0.2.8"
    assert len(asked) == 2


def test_what_is_not_named_any_more_is_forgotten_at_a_reload(leases: Path, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("192.0.2.8 printer\n")
    directory = ClientDirectory()
    watch = ClientWatch(settings(leases, hosts_file=hosts), directory, Telemetry("test"))
    asyncio.run(watch.refresh())
    assert (directory.identify(A, NOW).name, directory.identify(B, NOW).name) == ("laptop", "printer")
    watch.apply(settings())
    asyncio.run(watch.refresh())
    assert (directory.identify(A, NOW).name, directory.identify(B, NOW).name) == (None, None)
