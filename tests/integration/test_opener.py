"""The opener and its workers: real rights, real sockets, real deaths."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from egret.errors import SourceError
from egret.sources import opener_process
from egret.sources.afpacket import RingOptions
from egret.sources.live import LiveSource
from egret.sources.opener import Opener
from egret.sources.opener_plan import Death, Plan, Worker, WorkerLink
from egret.sources.portable import PortableSource
from egret.sources.privileges import find_user
from tests.support.elsewhere import mounted, python
from tests.support.live import Namespace, inside, send_frames, status
from tests.support.live_capture import SMALL, connected, question
from tests.support.patience import PATIENCE_S, wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def cable() -> Iterator[tuple[Namespace, Namespace]]:
    """A sensor and a sender."""
    with connected() as ends:
        yield ends


def report_frames(index: int, link: WorkerLink) -> None:
    """A worker that says who it is, then one message a frame."""
    fields = status()
    rights = {key: fields[key] for key in ("Uid", "CapEff", "CapPrm", "CapBnd", "CapAmb", "CapInh", "NoNewPrivs")}
    source = LiveSource(["eth0"], link.open_ring)
    link.pipe.send({"rights": rights, "index": index})
    while True:
        for frame in source.read(0.05):
            link.pipe.send({"interface": frame.interface, "data": bytes(frame.data).hex()})
        link.pipe.receive()


def message_of(worker: Worker) -> dict[str, object]:
    assert worker.channel.wait(PATIENCE_S)
    received = worker.channel.receive()
    assert received is not None
    return dict(received.message)


def close(*workers: Worker) -> None:
    for worker in workers:
        worker.channel.close()


def test_a_worker_without_rights_captures_and_is_replaced(cable: tuple[Namespace, Namespace], tmp_path: Path) -> None:
    sensor, sender = cable
    secret = tmp_path / "signatures"
    secret.mkdir(mode=0o700)
    (secret / "a.yaml").write_text("read me")
    (secret / "link.yaml").symlink_to("/etc/shadow")
    plan = Plan(interfaces={"eth0": RingOptions(geometry=SMALL)}, user=find_user("nobody"), files=[secret])
    with inside(sensor):
        client = Opener.start(report_frames, plan)
    try:
        worker = client.spawn_worker(0)
        rights = message_of(worker)["rights"]
        assert rights == {
            "Uid": "\t".join(["65534"] * 4),
            **dict.fromkeys(("CapEff", "CapPrm", "CapBnd", "CapAmb", "CapInh"), "0" * 16),
            "NoNewPrivs": "1",
        }
        assert int(status(client.pid)["CapEff"], 16) == 1 << 13 | 1 << 8 | 1 << 2  # raw, setpcap, read
        assert status(client.pid)["Uid"].split()[0] == "65534"
        send_frames(sender, "eth0", [bytes(question())])
        assert message_of(worker) == {"interface": "eth0", "data": bytes(question()).hex()}
        with pytest.raises(SourceError, match="runs already"):
            client.spawn_worker(0)

        os.kill(worker.pid, 9)
        assert worker.channel.wait(PATIENCE_S)
        deaths: list[Death] = []

        def died() -> bool:
            deaths.extend(client.events())
            return bool(deaths)

        wait_until(died, "its end")
        assert [(death.index, death.pid, death.status) for death in deaths] == [(0, worker.pid, -9)]
        worker.channel.close()
        again = client.spawn_worker(0)
        assert "rights" in message_of(again)
        send_frames(sender, "eth0", [bytes(question())])
        assert "data" in message_of(again)

        descriptor = client.open_file(secret / "a.yaml")
        assert os.read(descriptor, 100) == b"read me"
        os.close(descriptor)
        for path in ("/etc/shadow", secret / "link.yaml", f"{secret}/../x", secret / "absent"):
            with pytest.raises(SourceError):
                client.open_file(path)
        again.channel.close()
    finally:
        client.close()
    assert not Path(f"/proc/{again.pid}").exists()


@pytest.fixture
def anywhere() -> Iterator[Path]:
    """A folder that everybody may enter, as pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="egw-open-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_an_ordinary_user_with_one_ambient_capability(cable: tuple[Namespace, Namespace], anywhere: Path) -> None:
    """As systemd starts us: no root anywhere, nothing to become. The checkout may be in a folder of root's own."""
    sensor, sender = cable
    program = (
        "from tests.integration.test_opener import *\n"
        "client = Opener.start(report_frames, Plan(interfaces={'eth0': RingOptions(geometry=SMALL)}))\n"
        "worker = client.spawn_worker(0)\n"
        "print(message_of(worker)['rights']['CapEff'], flush=True)\n"
        "print(message_of(worker)['interface'], flush=True)\n"
        "close(worker)\n"
        "client.close()\n"
    )
    ambient = ["--inh-caps=+net_raw", "--ambient-caps=+net_raw", "--bounding-set=-all,+net_raw"]
    command = [
        "ip",
        "netns",
        "exec",
        sensor.name,
        *mounted(anywhere),
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        *ambient,
    ]
    with subprocess.Popen([*command, *python(anywhere), "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "0" * 16
        send_frames(sender, "eth0", [bytes(question())])
        assert process.stdout.readline().strip() == "eth0"
        assert process.wait(PATIENCE_S) == 0


def _misbehave(index: int, link: WorkerLink) -> None:
    hostile: list[object] = [
        {"do": "open_ring", "interface": "lo"},
        {"do": "spawn", "index": 1, "interface": "eth0"},
        {"do": "open_file", "path": "/etc/shadow"},
        [],
        {},
    ]
    raw = socket.socket(fileno=os.dup(link._opener.fileno()))
    if index < len(hostile):
        link._opener.send(hostile[index])  # type: ignore[arg-type]
    elif index == 5:
        raw.send(b"[" * 100_000)
    elif index == 6:
        raw.send(b"\xff\x00")
    else:
        while True:  # it is killed
            link._opener.send({"do": "open_ring", "interface": "eth0"})
    signal.pause()


def test_the_opener_survives_hostile_workers(
    cable: tuple[Namespace, Namespace], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opener_process, "_OPENS_PER_WINDOW", 5)  # each ring a dying worker holds delays its end
    with inside(cable[0]):
        client = Opener.start(
            _misbehave, Plan(interfaces={"eth0": RingOptions(geometry=SMALL)}, user=find_user("nobody"))
        )
    try:
        workers = [client.spawn_worker(index) for index in range(8)]
        pids = {worker.pid for worker in workers}
        dead: dict[int, int] = {}
        wait_until(
            lambda: dead.update({death.pid: death.status for death in client.events()}) or len(dead) == 8, "eight ends"
        )
        assert set(dead) == pids
        assert set(dead.values()) == {-9}
        close(*workers)
    finally:
        client.close()
    assert "is killed: it sent" in capfd.readouterr().err


def test_everything_ends_when_the_daemon_is_killed(cable: tuple[Namespace, Namespace]) -> None:
    program = (
        "from tests.integration.test_opener import *\n"
        "client = Opener.start(report_frames, Plan(interfaces={'eth0': RingOptions(geometry=SMALL)}))\n"
        "worker = client.spawn_worker(0)\n"
        "message_of(worker)\n"
        "print(client.pid, worker.pid, flush=True)\n"
        "signal.pause()\n"
    )
    command = ["ip", "netns", "exec", cable[0].name, sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pids = process.stdout.readline().split()
        process.kill()
    wait_until(lambda: not any(map(lives, pids)), "the end of all")


def lives(pid: str) -> bool:
    try:
        return status(pid)["State"][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # its end may come between two looks
        return False


def test_the_portable_backend_through_the_opener(cable: tuple[Namespace, Namespace]) -> None:
    sensor, sender = cable
    plan = Plan(interfaces={"eth0": RingOptions()}, user=find_user("nobody"), backend="portable")
    with inside(sensor):
        client = Opener.start(_report_stream, plan)
    try:
        worker = client.spawn_worker(0)
        assert message_of(worker)["uid"] == 65534
        send_frames(sender, "eth0", [bytes(question())])
        assert message_of(worker) == {"data": bytes(question()).hex()}
        worker.channel.close()
    finally:
        client.close()


def _report_stream(_index: int, link: WorkerLink) -> None:
    source = PortableSource(["eth0"], link.open_stream)
    link.pipe.send({"uid": os.getuid()})
    while True:
        for frame in source.read(0.05):
            link.pipe.send({"data": bytes(frame.data).hex()})
        link.pipe.receive()
