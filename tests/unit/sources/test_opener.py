from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from egret.alerts.sensor import Probe
from egret.errors import SourceError
from egret.sources import opener
from egret.sources.channel import Channel, ChannelClosed
from egret.sources.opener import Opener, OpenerClient
from egret.sources.opener_plan import Death, Plan
from tests.support.channels import answer
from tests.support.patience import PATIENCE_S

PLAN = Plan(interfaces={})


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


def test_a_probe(ends: tuple[Channel, Channel]) -> None:
    client = OpenerClient(0, ends[0], ends[0])
    answer(ends[1], {"ok": True})
    client.send_probe(Probe.QUIC, 20_001)
    asked = ends[1].receive()
    assert asked is not None
    assert asked.message == {"do": "probe", "probe": "quic", "port": 20_001, "id": 1}


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
            while control.wait(PATIENCE_S):
                control.receive()
        finally:
            os._exit(0)

    return run


@pytest.mark.parametrize("why", [None, "no right"])
def test_a_start_says_whether_the_filter_that_remembers_is_there(
    why: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opener, "run", _run({"ok": True, "no_young": why}))
    client = Opener.start(lambda _index, _link: None, PLAN)
    client.close()
    assert client.no_young == why


def test_a_start_and_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opener, "run", _run({"ok": True}))
    client = Opener.start(lambda _index, _link: None, PLAN)
    assert client.pid != os.getpid()
    client.close()
    client.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(client.pid, 0)


def children() -> set[str]:
    """Of this process; other tests may have left some."""
    return set(Path("/proc/thread-self/children").read_text().split())


def test_a_start_without_rights_says_so_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opener, "run", _run({"error": "capturing needs CAP_NET_RAW"}))
    before = children()
    with pytest.raises(SourceError, match="CAP_NET_RAW"):
        Opener.start(lambda _index, _link: None, PLAN)
    assert children() <= before
