from __future__ import annotations

import socket
import struct
from pathlib import Path

import pytest

from egret.model import Endpoint, FlowKey, Transport
from egret.sources import conntrack
from egret.sources.conntrack import Tracking, is_answer, missing, parse, question
from egret.sources.privileges import CAP_NET_ADMIN
from egret.track.tally import Tally
from tests.support.conntrack import FLOW, SIX, attribute, entry, tuple_of

NUMBERS = (7, 128, 1, 1028, 2)


def test_a_question_names_one_connection() -> None:
    asked = question(FLOW, 5)
    assert struct.unpack_from("=IHHII", asked) == (len(asked), 0x101, 1, 5, 0)
    assert asked[16:20] == bytes([socket.AF_INET, 0, 0, 0])
    assert asked[20:] == attribute(0x8001, tuple_of(FLOW))
    assert question(SIX, 5)[16] == socket.AF_INET6


@pytest.mark.parametrize("flow", [FLOW, SIX])
def test_an_entry_is_read(flow: FlowKey) -> None:
    assert parse(entry(flow, *NUMBERS), flow) == Tally(*NUMBERS)


def test_behind_nat_the_tuple_of_the_inside_is_the_one() -> None:
    outside = FLOW._replace(source=Endpoint(bytes([198, 51, 100, 1]), 1024))
    assert parse(entry(FLOW, *NUMBERS, reply=tuple_of(outside, back=True)), FLOW) == Tally(*NUMBERS)


def test_an_entry_that_the_server_began() -> None:
    back = FlowKey(Transport.UDP, FLOW.destination, FLOW.source)
    assert parse(entry(back, 7, 1, 2, 3, 4), FLOW) == Tally(7, 3, 4, 1, 2)


def test_another_connection_is_not_ours() -> None:
    assert parse(entry(FLOW._replace(source=Endpoint(FLOW.source.ip, 9)), *NUMBERS), FLOW) is None
    assert parse(entry(FLOW._replace(transport=Transport.TCP), *NUMBERS), FLOW) is None


def test_an_entry_without_counters() -> None:
    assert parse(entry(FLOW, *NUMBERS, counters=False), FLOW) is None


@pytest.mark.parametrize(
    "data", [b"", bytes(16), bytes(20), struct.pack("=IHHII", 36, 2, 0, 1, 0) + struct.pack("=i", -2) + bytes(16)]
)
def test_errors_and_scraps_say_nothing(data: bytes) -> None:
    assert parse(data, FLOW) is None


def test_answers_have_the_number_of_their_question() -> None:
    assert is_answer(entry(FLOW, *NUMBERS, number=5), 5)
    assert not is_answer(entry(FLOW, *NUMBERS, number=4), 5)
    assert not is_answer(b"", 5)


class Kernel:
    """Answers with the same datagrams, each from a port."""

    def __init__(self, *datagrams: tuple[int, bytes]) -> None:
        self._left = list(datagrams)
        self.asked: list[bytes] = []

    def setblocking(self, _flag: bool) -> None: ...

    def send(self, data: bytes) -> None:
        self.asked.append(data)

    def recvfrom(self, _size: int) -> tuple[bytes, tuple[int, int]]:
        if not self._left:
            raise BlockingIOError
        port, data = self._left.pop(0)
        return data, (port, 0)

    def close(self) -> None:
        self.asked.clear()


def tracking(monkeypatch: pytest.MonkeyPatch, kernel: Kernel) -> Tracking:
    monkeypatch.setattr(socket, "socket", lambda *_: kernel)
    return Tracking()


def test_only_the_kernels_answer_to_this_question_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    good, late = entry(FLOW, *NUMBERS, number=1), entry(FLOW, *NUMBERS, number=0)
    kernel = Kernel((0, late), (77, good), (0, good))
    asked = tracking(monkeypatch, kernel)
    assert asked.tally(FLOW) == Tally(*NUMBERS)
    assert asked.tally(FLOW) is None  # it says nothing
    assert len(kernel.asked) == 2
    asked.close()


def test_a_flood_of_other_answers_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(*[(77, b"")] * 50)
    assert tracking(monkeypatch, kernel).tally(FLOW) is None
    assert len(kernel._left) > 40


def test_a_kernel_without_netfilter_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(socket, "socket", fail)
    asked = Tracking()
    assert asked.tally(FLOW) is None
    asked.close()


@pytest.mark.parametrize(
    ("rights", "text", "lacks"),
    [
        ({CAP_NET_ADMIN}, "1\n", []),
        (set(), "1\n", ["right CAP_NET_ADMIN"]),
        ({CAP_NET_ADMIN}, "0\n", ["counters in it"]),
        (set(), None, ["right CAP_NET_ADMIN", "connection tracking in this kernel"]),
    ],
)
def test_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rights: set[int], text: str | None, lacks: list[str]
) -> None:
    monkeypatch.setattr(conntrack, "current_capabilities", lambda: rights)
    monkeypatch.setattr(conntrack, "ACCOUNTING", tmp_path / "acct")
    if text is not None:
        (tmp_path / "acct").write_text(text)
    assert [each.partition(": ")[0] for each in missing()] == lacks
    assert all(each.partition(": ")[2] for each in missing())
