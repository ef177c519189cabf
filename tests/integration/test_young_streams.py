"""The filter that remembers, run by the kernel itself: against its rules in plain Python, and against what is said in it."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egret.model import Frame, Observation
from egret.sources import kernel_filter, live
from egret.sources.afpacket import RingOptions
from egret.sources.ebpf.loader import YoungStreams
from egret.sources.ring import Geometry
from egret.track.observer import Observer
from tests.support.live import inside, send_frames
from tests.support.live_capture import connected, drain
from tests.support.live_ebpf import Judge, loaded
from tests.support.live_frames import CASES, NOT_IP, PPPOE, Case, ethernet
from tests.support.reshape import SHAPES, packets
from tests.support.talks import labels, talks
from tests.support.wraps import WRAPS
from tests.support.young_streams import ACK, SYN, WAYS, YOUNG, Remembering, Segment

pytestmark = pytest.mark.integration

CLIENT, SERVER = "192.0.2.2", "198.51.100.1"
CLIENT6, SERVER6 = "2001:db8::2", "2001:db8:1::1"
HELLO = b"\x16\x03\x01\x06\xb4\x01\x00\x06\xb0\x03\x03"


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with loaded() as made:
        yield made


@pytest.mark.parametrize("tags", [0, 1, 2, PPPOE])
def test_a_stream_that_is_not_known_is_judged_as_by_the_classic_filter(judge: Judge, tags: int) -> None:
    def passes(case: Case) -> bool:
        judge.forget()
        return judge.passes(ethernet(case.packet, tags))

    assert [case.name for case in CASES if passes(case) is not case.passes] == []
    assert not any(judge.passes(frame) for frame in NOT_IP)


def test_on_links_without_a_header_as_well(judge: Judge) -> None:
    for case in CASES:
        judge.forget()
        assert judge.passes(bytes(case.packet), kernel_filter.RAW_IP) is case.passes, case.name


ENDS = st.sampled_from([(CLIENT, SERVER), (SERVER, CLIENT), (CLIENT6, SERVER6), (SERVER6, CLIENT6)])
PORTS = st.sampled_from([(40000, 443), (443, 40000), (443, 50000), (40000, 53), (40000, 40000)])
PLACES = st.one_of(
    st.integers(-3, 3),
    st.integers(YOUNG - 3, YOUNG + 3),
    st.integers(-YOUNG - 3, 3 - YOUNG),
    st.integers(0, 3 * YOUNG),
    st.integers(0, 2**32 - 1),
)
BASES = st.sampled_from([0, 2**32 - 1, 2**32 - 9000, 1 << 31, 123_456_789])
PAYLOADS = st.one_of(
    st.sampled_from([b"", b"\x16", HELLO, HELLO + bytes(1400), b"\x16\x03\x03\0\x5a\x02" + bytes(90), b"\x16\x03\x03\0\x5a"]),
    st.sampled_from([b"GET / HTTP/1.1\r\n", b"CONNECT x:443 HT", b"HTTP/1.1 200 OK\r\n", b"POST", b"\x17\x03\x03" + bytes(1300)]),
    st.binary(max_size=40),
)  # fmt: skip
SEGMENTS = st.builds(
    lambda ends, ports, base, place, flags, payload: Segment(ends[0], ends[1], ports[0], ports[1], (base + place) % 2**32, flags, payload),
    ENDS, PORTS, BASES, PLACES, st.sampled_from([ACK, ACK, ACK, ACK | 8, SYN, SYN | ACK, ACK | 1, 4]), PAYLOADS,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(SEGMENTS, st.sampled_from(sorted(WAYS))), min_size=1, max_size=30))
def test_it_keeps_its_rules(judge: Judge, sent: list[tuple[Segment, str]]) -> None:
    judge.forget()
    rules = Remembering()
    for segment, way in sent:
        assert judge.passes(segment.frame(way)) is rules.passes(segment), (segment, way)


@pytest.mark.parametrize("start", [0, 2**32 - 5_000, 2**31 - 5_000])
@pytest.mark.parametrize("client", [CLIENT, CLIENT6])
def test_exactly_the_first_16_kb_in_any_order_and_again(judge: Judge, start: int, client: str) -> None:
    server = SERVER if client == CLIENT else SERVER6
    judge.forget()
    assert judge.passes(Segment(client, server, 40000, 443, start, SYN, b"").frame())
    places = [*range(0, 60_000, 100)] * 2
    random.Random(start).shuffle(places)
    up = (Segment(client, server, 40000, 443, (start + 1 + at) % 2**32, ACK, bytes(100)) for at in places)
    down = Segment(server, client, 443, 40000, 7, ACK, bytes(1400)).frame()
    passed = [at for at, segment in zip(places, up, strict=True) if judge.passes(segment.frame())]
    assert sorted(passed) == sorted([*range(0, YOUNG, 100)] * 2)
    assert not judge.passes(down)


def test_a_client_below_its_servers_port_is_known_by_its_syn(judge: Judge) -> None:
    """What the classic filter loses and passes for naught: rest of hello, and download."""
    judge.forget()
    assert judge.passes(Segment(CLIENT, SERVER, 40000, 50000, 8, SYN, b"").frame())
    assert judge.passes(Segment(CLIENT, SERVER, 40000, 50000, 1409, ACK, bytes(300)).frame())
    assert not judge.passes(Segment(SERVER, CLIENT, 50000, 40000, 9, ACK, bytes(1400)).frame())


def test_a_later_hello_makes_a_stream_young_again(judge: Judge) -> None:
    judge.forget()
    assert judge.passes(Segment(CLIENT, SERVER, 40000, 443, 0, SYN, b"").frame())
    late = 900_000
    rest = Segment(CLIENT, SERVER, 40000, 443, late + 1400, ACK, bytes(300)).frame()
    assert not judge.passes(rest)
    assert judge.passes(Segment(CLIENT, SERVER, 40000, 443, late, ACK, HELLO + bytes(1389)).frame())
    assert judge.passes(rest)


def test_a_stream_that_a_flood_pushed_out_loses_nothing() -> None:
    with loaded(streams=64) as judge:
        assert judge.passes(Segment(CLIENT, SERVER, 40000, 443, 0, SYN, b"").frame())
        for number in range(2_000):
            assert judge.passes(Segment("192.0.2.3", SERVER, 1024 + number, 443, 0, SYN, b"").frame())
        assert judge.passes(Segment(CLIENT, SERVER, 40000, 443, 1401, ACK, bytes(300)).frame())
        assert judge.passes(Segment(CLIENT, SERVER, 40000, 443, 1, ACK, bytes(1400)).frame())


@pytest.mark.parametrize("shape", SHAPES)
def test_no_name_is_lost_in_any_shape(judge: Judge, shape: str) -> None:
    """But DNS on other ports, as with the classic filter, and what is said only behind 16 KB of one request."""
    judge.forget()
    lost = ("another port", "a head of 30 KB", "a target of 20 KB")
    known = [talk for label, talk in zip(labels(), talks(), strict=True) if not any(each in label for each in lost)]
    crossed = [packet for number, talk in enumerate(known) for packet in packets(talk, number, SHAPES[shape])]
    frames = [WRAPS["Ethernet"].wrap(packet) for packet in crossed]
    passed = [frame for frame in frames if judge.passes(frame)]
    assert _names(frames) == _names(passed)
    assert len(passed) < len(frames)


def _names(frames: list[bytes]) -> set[tuple[str, str, str]]:
    observer = Observer()
    captured = (Frame(1, kernel_filter.ETHERNET, memoryview(frame), len(frame)) for frame in frames)
    events = [event for frame in captured for event in observer.feed(frame)] + observer.flush()
    return {(event.protocol, event.kind, event.name) for event in events if isinstance(event, Observation)}


def test_dns_on_any_port_passes_where_it_is_asked_for() -> None:
    message = b"\x12\x34\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01"
    answer = Segment(SERVER, CLIENT, 5300, 40000, 1, ACK, len(message).to_bytes(2) + message).frame()
    with loaded(any_dns=True) as wide, loaded() as narrow:
        assert [judge.passes(answer) for judge in (wide, narrow)] == [True, False]


def test_on_a_live_link() -> None:
    """Attached to a ring: bulk stays out, the stream's beginning comes."""
    start = Segment(CLIENT, SERVER, 40000, 443, 7, SYN, b"").frame()
    pieces = [Segment(CLIENT, SERVER, 40000, 443, 8 + at, ACK, bytes(1000)).frame() for at in range(0, 40_000, 1000)]
    young = YoungStreams()
    with connected() as (sensor, sender), inside(sensor):
        options = RingOptions(filter=kernel_filter.YOUNG, geometry=Geometry(1 << 18, 16, 5))
        source = live.open_directly(["eth0"], options, young)
        send_frames(sender, "eth0", [start, *pieces])
        kept = drain(source)
        source.close()
    young.close()
    assert [each.data for each in kept] == [start, *pieces[:17]]
