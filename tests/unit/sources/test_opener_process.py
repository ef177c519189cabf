from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from egret.errors import SourceError
from egret.sources import afpacket, channel, opener_process, privileges
from egret.sources.afpacket import Opened, RingOptions
from egret.sources.channel import Channel, ChannelClosed
from egret.sources.conntrack import Tracking
from egret.sources.opener_plan import Plan, WorkerLink
from egret.sources.opener_process import _Files, _Server
from egret.sources.portable import PortableChild
from egret.sources.prober import Prober
from egret.sources.probes import canary_plan
from egret.sources.ring import Geometry
from egret.track.tally import Tally
from tests.support.patience import PATIENCE_S

Message = dict[str, object]


@pytest.fixture(autouse=True)
def _no_rights_to_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about who may ask for what; test_privileges and the integration tests lose real rights."""
    monkeypatch.setattr(privileges, "drop", lambda *_arguments, **_options: None)
    monkeypatch.setattr(privileges, "die_with_parent", lambda *_arguments: None)


class Daemon:
    """The daemon's ends, and a server that turns when told."""

    def __init__(self, plan: Plan, work: Callable[[int, WorkerLink], None]) -> None:
        self.control, control_there = channel.pair()
        self.events, events_there = channel.pair()
        self.server = _Server(work, plan, control_there, events_there)

    def ask(self, message: Message, descriptors: int = 0) -> channel.Received:
        self.control.send({**message, "id": 5})
        self.turn()
        answer = self.control.receive(descriptors)
        assert answer is not None
        assert answer.message.pop("id") == 5
        return answer

    def turn(self, timeout_s: float = PATIENCE_S) -> None:
        for descriptor, _event in self.server._poll.poll(timeout_s * 1000):
            self.server._turn(descriptor)

    def spawn(self, index: int = 0) -> Channel:
        return channel.adopt(self.ask({"do": "spawn", "index": index}, descriptors=1).descriptors[0])

    def death(self) -> Message:
        end_s = time.monotonic() + PATIENCE_S
        while not (received := self.events.receive()):
            assert time.monotonic() < end_s
            self.turn(0.1)
        return received.message

    def close(self) -> None:
        self.control.close()
        self.events.close()
        self.server._end()
        self.server._control.close()
        self.server._events.close()
        if self.server._tracking:
            self.server._tracking.close()


Start = Callable[..., Daemon]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[Daemon] = []

    def make(work: Callable[[int, WorkerLink], None] = lambda _index, _link: None, **plan: object) -> Daemon:
        started.append(Daemon(Plan(**{"interfaces": {"eth0": RingOptions()}, **plan}), work))  # type: ignore[arg-type]
        return started[-1]

    yield make
    for daemon in started:
        daemon.close()


@pytest.fixture
def rings(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    made: list[socket.socket] = []

    def open_ring(interface: str, _options: RingOptions, _young: None, _group: int | None) -> Opened:
        ours, theirs = socket.socketpair()
        ours.close()
        made.append(theirs)
        return Opened(theirs, interface, 3, 1, Geometry())

    monkeypatch.setattr(afpacket, "open_ring", open_ring)
    return made


def _wait(_index: int, link: WorkerLink) -> None:
    """Until the daemon closes the pipe."""
    while link.pipe.wait(PATIENCE_S):
        link.pipe.receive()


def _asks(*questions: Message) -> Callable[[int, WorkerLink], None]:
    """Ask the opener; tell the daemon what it said; then wait."""

    def work(index: int, link: WorkerLink) -> None:
        for question in questions:
            try:
                answer = link._opener.ask(question, PATIENCE_S, descriptors=1)
                link.pipe.send({"message": answer.message, "descriptors": len(answer.descriptors)})
            except SourceError as error:
                link.pipe.send({"error": str(error)})
        _wait(index, link)

    return work


def heard(pipe: Channel) -> channel.Received:
    assert pipe.wait(PATIENCE_S)
    received = pipe.receive()
    assert received is not None
    return received


def test_a_worker_works_and_its_end_is_told(start: Start) -> None:
    daemon = start(lambda index, link: link.pipe.send({"index": index}) and None)
    pipe = daemon.spawn(3)
    assert heard(pipe) == ({"index": 3}, ())
    death = daemon.death()
    assert (death["index"], death["status"]) == (3, 0)
    pipe.close()


def test_a_worker_that_fails_says_one_line(start: Start, capfd: pytest.CaptureFixture[str]) -> None:
    def fail(_index: int, _link: WorkerLink) -> None:
        raise ValueError("bad\x1b[0m")

    daemon = start(fail)
    daemon.spawn().close()
    assert daemon.death()["status"] == 1
    assert capfd.readouterr().err == "egret: worker 0 stopped: ValueError: bad\\x1b[0m\n"


def test_killing_a_worker(start: Start) -> None:
    daemon = start(_wait)
    pipe = daemon.spawn()
    assert daemon.ask({"do": "kill", "index": 0}).message == {"ok": True}
    assert daemon.death()["status"] == -9
    assert "error" in daemon.ask({"do": "kill", "index": 0}).message
    pipe.close()


@pytest.mark.parametrize(
    "message",
    [{}, {"do": "spawn"}, {"do": "spawn", "index": -1}, {"do": "spawn", "index": 64}, {"do": "open_file", "path": 7}],
)
def test_the_daemon_too_gets_only_what_is_planned(start: Start, message: Message) -> None:
    assert "error" in start().ask(message).message


def test_two_workers_of_one_index(start: Start) -> None:
    daemon = start(_wait)
    pipe = daemon.spawn()
    assert "runs already" in str(daemon.ask({"do": "spawn", "index": 0}).message["error"])
    pipe.close()


def test_a_ring_for_a_worker(start: Start, rings: list[socket.socket]) -> None:
    daemon = start(_asks({"do": "open_ring", "interface": "eth0"}))
    pipe = daemon.spawn()
    daemon.turn()
    received = heard(pipe)
    assert received.message == {
        "message": {"index": 3, "linktype": 1, "geometry": list(Geometry()), "id": 1},
        "descriptors": 1,
    }
    assert rings[0].fileno() == -1
    pipe.close()


def test_a_second_ring_for_a_worker(start: Start, rings: list[socket.socket]) -> None:
    daemon = start(_asks({"do": "open_volume_ring", "interface": "eth0"}), volume=RingOptions())
    pipe = daemon.spawn()
    daemon.turn()
    received = heard(pipe)
    assert received.message["descriptors"] == 1
    assert len(rings) == 1
    pipe.close()


def test_a_ring_for_the_canary_and_on_its_interface_only(start: Start, rings: list[socket.socket]) -> None:
    canary = canary_plan("lo", 30.0)
    daemon = start(_asks({"do": "open_canary_ring", "interface": "lo"}), canary=canary)
    pipe = daemon.spawn()
    daemon.turn()
    said = heard(pipe)
    assert said.message["descriptors"] == 1
    assert len(rings) == 1
    pipe.close()


def test_probes_of_the_plan_and_no_others(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, int]] = []
    monkeypatch.setattr(Prober, "_send", lambda _self, interface, frame: sent.append((interface, len(frame))))
    daemon = start(canary=canary_plan("lo", 30.0))
    assert daemon.ask({"do": "probe", "probe": "dns", "port": 20_000}).message == {"ok": True}
    assert [interface for interface, _ in sent] == ["lo"]
    assert "error" in daemon.ask({"do": "probe", "probe": "dns", "port": 53}).message
    assert "error" in start().ask({"do": "probe", "probe": "dns", "port": 20_000}).message
    assert len(sent) == 1


def test_a_daemon_that_hangs_is_told_of(
    start: Start, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Prober, "_send", lambda *_: None)
    daemon = start(canary=canary_plan("lo", 0.05))
    daemon.ask({"do": "probe", "probe": "dns", "port": 20_000})
    say = opener_process._say

    def say_and_end(text: str) -> None:
        say(text)
        daemon.control.close()

    monkeypatch.setattr(opener_process, "_say", say_and_end)
    daemon.server.serve()
    assert "it hangs" in capfd.readouterr().err


def test_a_ring_that_cannot_be_had(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_interface: str, _options: RingOptions, _young: None, _group: int | None) -> Opened:
        raise SourceError("eth0: no memory")

    monkeypatch.setattr(afpacket, "open_ring", fail)
    daemon = start(_asks({"do": "open_ring", "interface": "eth0"}))
    pipe = daemon.spawn()
    daemon.turn()
    assert heard(pipe) == ({"error": "eth0: no memory"}, ())
    pipe.close()


@pytest.mark.parametrize(
    "question",
    [
        {"do": "open_ring", "interface": "lo"},
        {"do": "open_ring", "interface": ["eth0"]},
        {"do": "open_stream", "interface": "eth0"},
        {"do": "open_volume_ring", "interface": "eth0"},
        {"do": "open_canary_ring", "interface": "eth0"},
        {"do": ["open_ring"], "interface": "eth0"},
        {"do": "tally", "flows": []},
        {"do": "spawn", "index": 1},
    ],
)
def test_a_worker_that_asks_for_more_is_killed(
    start: Start, question: Message, capfd: pytest.CaptureFixture[str]
) -> None:
    daemon = start(_asks(question))
    pipe = daemon.spawn()
    assert daemon.death()["status"] == -9
    assert "worker 0 is killed: it sent a request" in capfd.readouterr().err
    pipe.close()


def test_a_worker_asks_connection_tracking_well_or_is_killed(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tracking, "tally", lambda *_: Tally(1, 2, 3, 4, 5))
    flow = ["udp", "c0000201", 40000, "cb007109", 443]
    daemon = start(_asks({"do": "tally", "flows": [flow]}, {"do": "tally", "flows": [flow] * 65}), conntrack=True)
    pipe = daemon.spawn()
    daemon.turn()
    assert heard(pipe) == ({"message": {"tallies": [[1, 2, 3, 4, 5]], "id": 1}, "descriptors": 0}, ())
    assert daemon.death()["status"] == -9
    pipe.close()


def test_a_worker_that_asks_too_often_has_to_wait(
    start: Start, rings: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opener_process, "_WINDOW_S", 1e9)
    question: Message = {"do": "open_ring", "interface": "eth0"}
    daemon = start(_asks(*[question] * 61))
    pipe = daemon.spawn()
    answers = []
    for _ in range(61):
        daemon.turn()
        assert pipe.wait(PATIENCE_S)
        answers.append(pipe.receive())
    assert answers[-1] == ({"error": "opened too often within a minute; later"}, ())
    assert len(rings) == 60
    pipe.close()


@pytest.mark.parametrize("question", [{"do": "open_ring", "interface": "eth0"}, {"do": "tally", "flows": []}])
def test_a_worker_that_does_not_read_its_answers_is_killed(
    start: Start, rings: list[socket.socket], question: Message
) -> None:
    def work(_index: int, link: WorkerLink) -> None:
        while True:
            link._opener.send(question)

    daemon = start(work, conntrack=True)
    pipe = daemon.spawn()
    assert daemon.death()["status"] == -9
    pipe.close()


def test_a_stream_for_a_worker(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []

    class FakeChild(PortableChild):
        def end(self) -> None:
            ended.append(self.stream.fileno())
            self.stream.close()

    def start_child(*_arguments: object) -> PortableChild:
        ours, theirs = socket.socketpair()
        ours.close()
        return FakeChild(None, theirs)  # type: ignore[arg-type]

    monkeypatch.setattr(opener_process, "start_child", start_child)
    question: Message = {"do": "open_stream", "interface": "eth0"}
    daemon = start(_asks(question, question), backend="portable")
    pipe = daemon.spawn()
    for _ in range(2):
        daemon.turn()
        received = heard(pipe)
        assert received.message["descriptors"] == 1
    pipe.close()
    assert len(ended) == 1


def test_files_of_the_plan_and_no_others(tmp_path: Path) -> None:
    folder = tmp_path / "signatures"
    folder.mkdir()
    (folder / "a.yaml").write_text("a")
    (folder / "outside.yaml").symlink_to("/etc/hostname")
    config, link, fifo = tmp_path / "egret.yaml", tmp_path / "link.yaml", tmp_path / "fifo"
    config.write_text("c")
    link.symlink_to(config)
    os.mkfifo(fifo)
    files = _Files(Plan(interfaces={}, files=[folder, config, link, fifo, tmp_path / "later"]))
    for path in (folder / "a.yaml", folder, config, link):
        os.close(files.open(str(path)))
    bad = [
        fifo,
        tmp_path / "later",
        folder / "outside.yaml",
        tmp_path / "other",
        f"{folder}/../egret.yaml",
        f"{folder}/..",
    ]
    for text in (*map(str, bad), f"{folder}/a\0b"):
        with pytest.raises(SourceError):
            files.open(text)
    config.unlink()
    config.symlink_to("/etc/hostname")
    with pytest.raises(SourceError, match="cannot be opened"):
        files.open(str(config))


def test_a_file_for_the_daemon(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("content")
    answer = start(files=[path]).ask({"do": "open_file", "path": str(path)}, descriptors=1)
    assert os.read(answer.descriptors[0], 100) == b"content"
    channel.close_all(answer.descriptors)


def _as_process(plan: Plan) -> tuple[int, Channel, Channel]:
    control, control_there = channel.pair()
    events, events_there = channel.pair()
    pid = os.fork()
    if pid == 0:
        control.close()
        events.close()
        opener_process.run(_wait, plan, control_there, events_there, os.getppid())
    control_there.close()
    events_there.close()
    return pid, control, events


def test_the_process_from_its_start_to_the_end_of_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privileges, "may_capture", lambda: None)
    pid, control, events = _as_process(Plan(interfaces={}))
    assert control.expect(PATIENCE_S).message == {"ok": True, "no_young": None}
    pipe = channel.adopt(control.ask({"do": "spawn", "index": 0}, PATIENCE_S, descriptors=1).descriptors[0])
    control.close()
    pipe.close()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    with pytest.raises(ChannelClosed):
        events.receive()
    events.close()


def test_the_process_without_the_right_to_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privileges, "may_capture", lambda: "capturing needs CAP_NET_RAW")
    pid, control, events = _as_process(Plan(interfaces={}))
    with pytest.raises(SourceError, match="CAP_NET_RAW"):
        control.expect(PATIENCE_S)
    os.waitpid(pid, 0)
    control.close()
    events.close()


def test_rights_of_the_opener(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = {privileges.CAP_NET_RAW, privileges.CAP_SETPCAP}
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert opener_process._rights(Plan(interfaces={})) == raw
    assert opener_process._rights(Plan(interfaces={}, files=[Path("/x")])) == raw | {privileges.CAP_DAC_READ_SEARCH}
    assert opener_process._rights(Plan(interfaces={}, conntrack=True)) == raw | {privileges.CAP_NET_ADMIN}
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert opener_process._rights(Plan(interfaces={}, files=[Path("/x")])) == raw
