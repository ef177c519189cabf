"""DTLS, through the observer's door."""

from __future__ import annotations

import random

import pytest

from egret.errors import Reason
from egret.model import Frame, NamedBy, Nameless
from egret.track.limits import Limits
from egret.track.observer import Observer
from tests.support.datagrams import captured, dtls_body, dtls_datagrams, dtls_fragment, dtls_record
from tests.support.hello import (
    CLIENT,
    SECOND_NS,
    SERVER,
    START_NS,
    anomalies,
    connections,
    frame,
    ip_packet,
    observations,
    run,
    said,
    udp,
)

NAMED = [("dtls", "client_hello", "dtls.example")]
BODY = dtls_body(key_share=1216)
VERIFY = dtls_record(dtls_fragment(b"\xfe\xff\x06cookie", 0, 9, kind=3))


def up(datagram: bytes, *, sport: int = 50000, dport: int = 4433, at_ns: int = START_NS) -> Frame:
    return udp(datagram, sport, dport, at_ns=at_ns)


def down(datagram: bytes) -> Frame:
    return udp(datagram, 4433, 50000, source=SERVER, destination=CLIENT)


def named_once(frames: list[Frame]) -> None:
    events = run(frames, flush=False)
    assert said(events) == NAMED
    (connection,) = connections(events)
    assert (connection.named_by, connection.name, connection.server.port) == (NamedBy.HELLO, "dtls.example", 4433)
    assert not anomalies(events)


@pytest.mark.parametrize("name", ["dtls12", "dtls10"])
def test_what_openssl_sends(name: str) -> None:
    datagram = captured(f"openssl_{name}_client_hello")
    named_once([up(datagram), up(datagram)])
    named_once([up(b"\x01\x00\x00\x00" + datagram)])


def test_attributes() -> None:
    (observation,) = observations(run([up(captured("openssl_dtls12_client_hello"))]))
    assert (observation.attributes["version"], observation.attributes["alpn"]) == ("1.2", ["webrtc"])
    assert str(observation.attributes["ja4"]).startswith("dd2d2808wc_")


def test_fragments_in_any_order_overlapping_and_repeated() -> None:
    pieces = [dtls_record(dtls_fragment(BODY, start, start + 300)) for start in range(0, len(BODY), 200)]
    for seed in range(10):
        shuffled = pieces + pieces[:3]
        random.Random(seed).shuffle(shuffled)
        named_once([up(piece) for piece in shuffled])


@pytest.mark.parametrize("whole", [True, False])
def test_a_cookie_round_is_one_connection(whole: bool) -> None:
    first = [up(datagram) for datagram in dtls_datagrams(BODY, [700])]
    second = [up(d) for d in dtls_datagrams(dtls_body(cookie=b"cookie", key_share=1216), [700], number=1)]
    named_once([*(first if whole else first[:1]), down(VERIFY), *second, *second])


def test_a_new_connection_between_the_same_ends() -> None:
    again = dtls_body(b"dtls.example", random=bytes(32))
    events = run([up(d) for body in (BODY, BODY, again, again) for d in dtls_datagrams(body, [90])])
    assert said(events) == NAMED * 2
    assert len(connections(events)) == 2


def test_no_name_and_an_unreadable_one() -> None:
    (connection,) = connections(run([up(d) for d in dtls_datagrams(dtls_body(None))]))
    assert (connection.named_by, connection.reason) == (NamedBy.NOTHING, Nameless.NO_SNI)
    events = run([up(d) for d in dtls_datagrams(b"\x03\x03" + BODY[2:])])
    assert [a.reason for a in anomalies(events)] == [Reason.BAD_VALUE]
    assert [c.reason for c in connections(events)] == [Nameless.UNREADABLE]


def test_a_hello_with_a_hole_is_used_as_far_as_it_goes() -> None:
    observer = Observer()
    first, _, last = dtls_datagrams(BODY, [300, 600])
    assert run([up(first), up(last)], observer, flush=False) == []
    assert said(observer.expire(START_NS + 6 * SECOND_NS)) == NAMED
    assert observer.expire(START_NS + 300 * SECOND_NS) == []
    assert observer.counters.tracked["dtls_flows"] == 0
    late = run([up(last)])
    assert [c.reason for c in connections(late)] == [Nameless.INCOMPLETE]


def test_a_name_behind_a_hole_is_found() -> None:
    first, _, last = dtls_datagrams(BODY, [50, 70])
    for datagrams in ([first, last], [last]):
        events = run([up(datagram) for datagram in datagrams])
        (observation,) = observations(events)
        assert (observation.name, observation.attributes) == ("dtls.example", {"transport": "udp", "partial": True})
        assert [anomaly.reason for anomaly in anomalies(events)] == [Reason.GAP]
        assert [connection.named_by for connection in connections(events)] == [NamedBy.HELLO]


def test_pieces_of_a_hello_that_was_said_are_no_new_connection() -> None:
    whole, piece = dtls_datagrams(BODY)[0], dtls_datagrams(BODY, [300])[0]
    named_once([up(whole), up(piece)])
    assert len(connections(run([up(whole), up(piece)]))) == 1


def test_a_frame_cut_by_the_snap_length() -> None:
    segment = bytes((0xC3, 0x50, 0x11, 0x51)) + (8 + len(dtls_datagrams(BODY)[0])).to_bytes(2, "big") + b"\x00\x00"
    packet = ip_packet(CLIENT, SERVER, 17, segment + dtls_datagrams(BODY)[0])
    events = run([frame(packet, cut=300)])
    assert said(events) == NAMED
    assert [a.reason for a in anomalies(events)] == [Reason.TRUNCATED]


def test_what_is_broken_is_an_anomaly() -> None:
    events = run([up(dtls_record(dtls_fragment(BODY, 0, 40)[:-1]))])
    assert [(a.protocol, a.reason) for a in anomalies(events)] == [("dtls", Reason.BAD_LENGTH)]
    assert connections(events) == []


def test_bounds() -> None:
    observer = Observer(Limits(dtls_flows=10, dtls_bytes=20_000))
    first = dtls_datagrams(BODY, [1000])[0]
    events = run([up(first, sport=1024 + number) for number in range(50)], observer, flush=False)
    counters = observer.counters
    assert (counters.tracked["dtls_flows"], counters.evictions["dtls_flows"]) == (10, 40)
    assert len(observations(events)) == len(connections(events)) == 40
    for number in range(40):
        run([up(dtls_datagrams(bytes(2000), [1500], number=number)[0], sport=9)], observer, flush=False)
    assert observer._dtls._held <= 20_000
    observer.flush()
    assert observer._dtls._held == 0


def test_time_set_back() -> None:
    observer = Observer()
    run([up(dtls_datagrams(BODY, [300])[0])], observer, flush=False)
    run([up(b"\x00" * 20, at_ns=START_NS - 3600 * SECOND_NS)], observer, flush=False)
    assert said(observer.expire(START_NS - 3590 * SECOND_NS)) == NAMED
