from __future__ import annotations

import os
import socket

import pytest

from egret.errors import SourceError
from egret.sources.channel import Channel
from egret.sources.opener_plan import WorkerLink
from egret.sources.ring import Geometry
from egret.track.tally import Tally
from tests.support.channels import answer
from tests.support.conntrack import FLOW, SIX


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


@pytest.mark.parametrize("kind", ["volume", "canary"])
def test_a_worker_gets_other_rings(ends: tuple[Channel, Channel], kind: str) -> None:
    answer(ends[1], {"ok": True}, 0)
    with pytest.raises(SourceError, match="eth0: the opener passed no socket"):
        getattr(WorkerLink(ends[0], ends[0]), f"open_{kind}_ring")("eth0")
    question = ends[1].receive()
    assert question is not None
    assert question.message["do"] == f"open_{kind}_ring"


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


def test_a_worker_is_told_counters(ends: tuple[Channel, Channel]) -> None:
    answer(ends[1], {"tallies": [None, [1, 2, 3, 4, 5]]})
    assert WorkerLink(ends[0], ends[0]).tallies([FLOW, SIX]) == [None, Tally(1, 2, 3, 4, 5)]
    question = ends[1].receive()
    assert question is not None
    assert question.message["do"] == "tally"


def test_a_refusal_is_an_error(ends: tuple[Channel, Channel]) -> None:
    answer(ends[1], {"error": "eth0: gone"})
    with pytest.raises(SourceError, match="eth0: gone"):
        WorkerLink(ends[0], ends[0]).open_ring("eth0")
