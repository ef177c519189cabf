"""What begins connections is the same to the compiled gate as to the one in Python, byte for byte."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egret.decode.plain_hello import first_of_plain, read_plain
from egret.model import Endpoint, FlowKey, Frame, Transport
from egret.worker.pipeline import Pipeline
from tests.support.gated import CATALOG
from tests.support.hello import ACK, CLIENT, FIN, SERVER, START_NS, Tcp
from tests.support.jumbles import check, ethernet, streams
from tests.support.native import compiled as _gate


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 32))
def test_it_holds_says_and_remembers_the_same(seed: int) -> None:
    check(_gate, seed)


@pytest.mark.parametrize("hello", [streams()[0], streams()[7]], ids=["OpenSSL", "post-quantum"])
def test_every_byte_of_a_hello_may_be_another_and_every_end_missing(hello: bytes) -> None:
    for at in range(len(hello)):
        cut = hello[:at]
        assert (_gate.read_plain(cut), _gate.first_of_plain(cut)) == (None, first_of_plain(cut))
        for value in {0, 1, 0x7F, 0x80, 0xFF, hello[at] ^ 1, (hello[at] + 1) & 0xFF, (hello[at] - 1) & 0xFF}:
            odd = hello[:at] + bytes([value]) + hello[at + 1 :]
            assert _gate.read_plain(odd) == read_plain(odd), (at, value)


@pytest.mark.parametrize("sizes", [[], [100], [100, 200]])
def test_a_connection_whose_bytes_are_counted_is_held_as_well(sizes: list[int]) -> None:
    tcp, said = Tcp(), []
    frames = [*tcp.handshake(), *tcp.stream(streams()[0], sizes), tcp.send(len(streams()[0]), flags=FIN | ACK)]
    flow = FlowKey(
        Transport.TCP, *(Endpoint(ip_address(ip).packed, port) for ip, port in ((CLIENT, 40_000), (SERVER, 443)))
    )
    for gated in (True, False):
        pipeline = Pipeline(CATALOG)
        pipeline.observer.volumes.arm(flow.destination.ip, START_NS)
        for each in frames:
            data = ethernet(bytes(each.data))
            taken = gated and pipeline.gate.sluice.skip(data, 0, len(data), each.time_ns, len(data))
            assert taken == gated
            if not taken:
                pipeline.feed(Frame(each.time_ns, 1, memoryview(data), len(data)))
        pipeline.observer.volumes.flag(flow, "a", None, pipeline.observer.began_at(flow), START_NS)
        pipeline.take_counts()
        counters = pipeline.observer.counters
        said.append((pipeline.take_volumes(), counters.frames, counters.packets, counters.tracked))
    assert said[0] == said[1]


def test_what_cannot_be_remembered_is_refused() -> None:
    memory = _gate.Remembered("r", 5, {})
    for wrong in (1 << 62, -9):
        with pytest.raises(ValueError, match="remembered"):
            memory.put(1, wrong)
    with pytest.raises(OverflowError):
        memory.get(1 << 64)
    with pytest.raises(TypeError):
        memory.put(1)
    memory.put(1, 2)
    memory.on_forgetting = lambda: 1 // 0
    with pytest.raises(ZeroDivisionError):
        memory.forget(1)


def test_what_is_of_another_kind_is_refused() -> None:
    words = [
        "volumes",
        "decided",
        "late",
        "flows",
        "talks",
        "replies",
        "hosts",
        "clients",
        "servers",
        "watched",
        "armed",
        "told",
        "nameless",
        "unread",
        "waits",
        "tunnelled",
        "packets",
        "dns",
        "repeats",
    ]
    with pytest.raises(TypeError, match="of this module"):
        _gate.Quick(**dict.fromkeys(words), limit=5, secret=bytes(16))
    with pytest.raises(TypeError):
        _gate.read_plain("x")
    assert _gate.read_plain(b"") is None
