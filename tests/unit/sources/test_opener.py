from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator

import pytest

from egret.errors import SourceError
from egret.sources import channel, opener_process
from egret.sources.channel import Channel, ChannelClosed
from egret.sources.opener import Death, Opener, OpenerClient, Plan, WorkerLink
from egret.sources.ring import Geometry

PLAN = Plan(interfaces={})


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    made = channel.pair()
    yield made
    for end in made:
        end.close()


def answer(end: Channel, message: dict[str, object], descriptors: int = 0) -> None:
    """Answer the first question beforehand, with so many descriptors."""
    passed = [os.open(os.devnull, os.O_RDONLY) for _ in range(descriptors)]
    end.send({**message, "id": 1}, passed)
    channel.close_all(passed)


def test_a_worker_gets_its_ring(ends: tuple[Channel, Channel]) -> None:
    ours, theirs = socket.socketpair()
    ends[1].send({"id": 1, "index": 3, "linktype": 101, "geometry": list(Geometry())}, [theirs.fileno()])
    opened = WorkerLink(ends[0], ends[0]).open_ring("tun0")
    assert (opened.interface, opened.index, opened.linktype, opened.geometry) == ("tun0", 3, 101, Geometry())
    for each in (ours, theirs, opened.socket):
        each.close()
    question = ends[1].receive()
    assert question is not None
    assert question.message == {"do": "open_ring", "interface": "tun0", "id": 1}


@pytest.mark.parametrize("descriptors", [0, 1])
def test_an_answer_without_what_it_promises(ends: tuple[Channel, Channel], descriptors: int) -> None:
    answer(ends[1], {"ok": True}, descriptors)
    with pytest.raises(SourceError, match="eth0: the opener passed no socket"):
        WorkerLink(ends[0], ends[0]).open_ring("eth0")


def test_a_worker_gets_its_stream(ends: tuple[Channel, Channel]) -> None:
    answer(ends[1], {"ok": True}, 1)
    os.close(WorkerLink(ends[0], ends[0]).open_stream("eth0"))
    ends[1].send({"id": 2})
    link = WorkerLink(ends[0], ends[0])
    with pytest.raises(SourceError, match="eth0: the opener passed no stream"):
        link.open_stream("eth0")


def test_a_refusal_is_an_error(ends: tuple[Channel, Channel]) -> None:
    answer(ends[1], {"error": "eth0: gone"})
    with pytest.raises(SourceError, match="eth0: gone"):
        WorkerLink(ends[0], ends[0]).open_ring("eth0")


Ask = Callable[[OpenerClient], object]


@pytest.mark.parametrize(
    ("ask", "question"),
    [
        (lambda client: client.spawn_worker(2), {"do": "spawn", "index": 2}),
        (lambda client: client.open_file("/etc/x"), {"do": "open_file", "path": "/etc/x"}),
    ],
)
def test_what_the_daemon_asks(ends: tuple[Channel, Channel], ask: Ask, question: dict[str, object]) -> None:
    client = OpenerClient(0, ends[0], ends[0])
    answer(ends[1], {"ok": True, "pid": 77})
    with pytest.raises(SourceError, match="passed no"):
        ask(client)
    asked = ends[1].receive()
    assert asked is not None
    assert asked.message == {**question, "id": 1}


def test_killing_a_worker(ends: tuple[Channel, Channel]) -> None:
    answer(ends[1], {"ok": True})
    OpenerClient(0, ends[0], ends[0]).kill_worker(3)
    asked = ends[1].receive()
    assert asked is not None
    assert asked.message == {"do": "kill", "index": 3, "id": 1}


def test_deaths(ends: tuple[Channel, Channel]) -> None:
    client = OpenerClient(0, ends[1], ends[0])
    assert client.fileno() == ends[0].fileno()
    ends[1].send({"index": 0, "pid": 77, "status": -9})
    ends[1].send({"index": 1, "pid": 78, "status": 1})
    assert client.events() == [Death(0, 77, -9), Death(1, 78, 1)]
    assert client.events() == []
    ends[1].close()
    with pytest.raises(ChannelClosed):
        client.events()


def _run(answer: dict[str, object]) -> Callable[..., None]:
    """An opener that only says *answer*, then waits for the daemon to go."""

    def run(_worker_main: object, _plan: Plan, control: Channel, _events: Channel, _daemon: int) -> None:
        control.send(answer)
        try:
            while control.wait(10):
                control.receive()
        finally:
            os._exit(0)

    return run


def test_a_start_and_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opener_process, "run", _run({"ok": True}))
    client = Opener.start(lambda _index, _link: None, PLAN)
    assert client.pid != os.getpid()
    client.close()
    client.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(client.pid, 0)


def test_a_start_without_rights_says_so_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opener_process, "run", _run({"error": "capturing needs CAP_NET_RAW"}))
    with pytest.raises(SourceError, match="CAP_NET_RAW"):
        Opener.start(lambda _index, _link: None, PLAN)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
