"""QUIC, through the observer's door."""

from __future__ import annotations

import random

import pytest

from egret.decode import gquic
from egret.decode.packet import decode_packet
from egret.decode.quic_keys import VERSION_1, VERSION_2
from egret.errors import Reason
from egret.model import Frame, NamedBy, Nameless
from egret.track.direction import ends_of
from egret.track.limits import Limits
from egret.track.observer import Observer
from tests.support.datagrams import chlo, gquic_packet, stream_frame
from tests.support.hello import (
    CLIENT,
    SECOND_NS,
    SERVER,
    START_NS,
    anomalies,
    client_hello,
    connections,
    crypto_frame,
    extension,
    observations,
    quic_initial,
    run,
    said,
    udp,
)

HELLO = client_hello(key_share=1216)
NAMED = [("quic", "client_hello", "chat.qwen.ai")]
DCID = b"original"


def up(datagram: bytes, *, sport: int = 50000) -> Frame:
    return udp(datagram, sport, 443)


def down(datagram: bytes, *, dport: int = 50000) -> Frame:
    return udp(datagram, 443, dport, source=SERVER, destination=CLIENT)


def pieces(*cuts: int, message: bytes = HELLO) -> list[tuple[int, bytes]]:
    ends = [*cuts, len(message)]
    return [(start, message[start:end]) for start, end in zip([0, *cuts], ends, strict=True)]


def initials(
    *groups: list[tuple[int, bytes]], dcid: bytes = DCID, version: int = 1, key_dcid: bytes | None = None
) -> list[Frame]:
    return [
        up(
            quic_initial(
                b"\x01".join(crypto_frame(*piece) for piece in group),
                dcid=dcid,
                key_dcid=key_dcid,
                version=version,
                number=number,
            )
        )
        for number, group in enumerate(groups)
    ]


def named_once(frames: list[Frame]) -> None:
    events = run(frames, flush=False)
    assert said(events) == NAMED
    (connection,) = connections(events)
    assert (connection.named_by, connection.name, connection.server.port) == (NamedBy.HELLO, "chat.qwen.ai", 443)
    assert not anomalies(events)


@pytest.mark.parametrize(
    "version",
    [
        *(VERSION_1, VERSION_2, 0x709A50C4, 0xFF000022, 0xFF00001D, 0xFF00001B, 0xFF000016),
        *(0xFACEB001, 0xFACEB002, 0xFACEB003, 0xFACEB010, 0xFACEFEED, 0xD4000400),
    ],
)
def test_versions(version: int) -> None:
    named_once(initials(pieces(900)[:1], pieces(900)[1:], version=version))


@pytest.mark.parametrize("like", [VERSION_1, 0xFF00001D, 0xFF00001B])
def test_versions_that_nobody_registered_are_tried(like: int) -> None:
    for version in (b"\x1a\x2a\x3a\x4a", b"PROX", b"\x91\xc1\x70\x01"):
        datagram = quic_initial(crypto_frame(0, HELLO), dcid=DCID, version=like, size=1300, named=version)
        named_once([up(datagram), up(datagram)])
        assert said(run([udp(datagram, 50000, 6881)])) == NAMED


def test_crypto_frames_in_any_order_over_several_packets() -> None:
    parts = pieces(1, 3, 60, 61, 90, 500, 501, 1000, 1200)
    for seed in range(20):
        random.Random(seed).shuffle(parts)
        frames = initials(parts[:4], parts[4:7], parts[7:])
        named_once([*frames, *frames])
        named_once(frames[::-1])


def test_overlapping_crypto_frames() -> None:
    named_once(initials([(0, HELLO[:700]), (300, HELLO[300:900])], [(600, HELLO[600:])]))


def test_the_server_is_never_the_client() -> None:
    first, second = initials(pieces(900)[:1], pieces(900)[1:])
    answer = down(
        quic_initial(crypto_frame(0, b"\x02" + bytes(90)), dcid=b"", scid=b"server00", key_dcid=DCID, server=True)
    )
    named_once([first, answer, second])
    alone = run([answer])
    assert [anomaly.reason for anomaly in anomalies(alone)] == [Reason.DECRYPT_FAILED]
    assert connections(alone) == []


@pytest.mark.parametrize("seen", [True, False])
def test_later_initials_bear_the_servers_id_and_keep_the_first_keys(seen: bool) -> None:
    first, second = pieces(900)
    answer = down(quic_initial(b"\x01", dcid=b"", scid=b"server00", key_dcid=DCID, server=True))
    frames = initials([first]) + ([answer] if seen else []) + initials([second], dcid=b"server00", key_dcid=DCID)
    named_once([*frames, *initials([], dcid=b"server00", key_dcid=DCID)][:-1])


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("seen", [True, False])
def test_a_retry_is_the_same_connection(whole: bool, seen: bool) -> None:
    retry = down(b"\xf0" + VERSION_1.to_bytes(4, "big") + b"\x00\x08retryid0" + b"token" + bytes(16))
    groups = [pieces(900)] if whole else [pieces(900)[:1]]
    again = up(quic_initial(crypto_frame(0, HELLO), dcid=b"retryid0", token=b"token", size=2000))
    named_once([*initials(*groups), *([retry] if seen else []), again, again])


def test_version_negotiation_is_the_same_connection() -> None:
    negotiation = down(b"\x80" + bytes(4) + b"\x00\x08original" + VERSION_2.to_bytes(4, "big"))
    named_once([*initials(pieces(900)), negotiation, *initials(pieces(900), version=VERSION_2)])


def test_a_version_that_the_server_must_refuse_is_the_same_connection() -> None:
    negotiation = down(b"\x80" + bytes(4) + b"\x00\x08original" + VERSION_1.to_bytes(4, "big"))
    forced = up(quic_initial(crypto_frame(0, HELLO), dcid=DCID, size=1300, named=b"\x1a\x2a\x3a\x4a"))
    named_once([forced, negotiation, *initials(pieces(900)[:1], pieces(900)[1:])])
    sealed = up(quic_initial(crypto_frame(0, HELLO), dcid=DCID, key_dcid=b"x", size=1300, named=b"\x1a\x2a\x3a\x4a"))
    other = initials(pieces(900)[:1], dcid=b"another0")
    events = run([*other, sealed, negotiation, *initials(pieces(900))], flush=False)
    assert NAMED[0] in said(events)
    assert [anomaly.reason for anomaly in anomalies(events)] == [Reason.UNKNOWN_VERSION]


def test_0_rtt_first() -> None:
    early = up(b"\xd0" + VERSION_1.to_bytes(4, "big") + b"\x08" + DCID + b"\x00\x44\x00" + bytes(1024))
    named_once([early, early, *initials(pieces(900)[:1], pieces(900)[1:])])


def test_a_new_connection_between_the_same_ends() -> None:
    events = run([*initials(pieces(900)), *initials(pieces(900), dcid=b"another0")])
    assert said(events) == NAMED * 2
    assert len(connections(events)) == 2


def test_coalesced_packets() -> None:
    first = quic_initial(crypto_frame(0, HELLO[:500]), dcid=DCID, size=600)
    second = quic_initial(crypto_frame(500, HELLO[500:]), dcid=DCID, number=1, size=900)
    zero_rtt = b"\xd0" + VERSION_1.to_bytes(4, "big") + b"\x08" + DCID + b"\x00\x20" + bytes(32)
    named_once([up(zero_rtt + first + second)])


def test_attributes_and_no_name() -> None:
    (observation,) = observations(run(initials(pieces(900))))
    assert observation.attributes == {
        "transport": "udp",
        "version": "1.3",
        "alpn": ["h2", "http/1.1"],
        "post_quantum": True,
        "ja4": "q13d0204h2_62ed6f6ca7ad_a56c5b993250",
    }
    events = run(initials([(0, client_hello(None))]))
    assert connections(events)[0].reason is Nameless.NO_SNI


def test_a_hello_with_a_hole_is_used_as_far_as_it_goes() -> None:
    observer = Observer()
    run(initials([(0, HELLO[:400]), (900, HELLO[900:])]), observer, flush=False)
    assert observer.expire(START_NS + 4 * SECOND_NS) == []
    events = observer.expire(START_NS + 5 * SECOND_NS)
    assert said(events) == NAMED
    assert anomalies(events)[0].reason is Reason.TRUNCATED
    assert observer.expire(START_NS + 121 * SECOND_NS) == []
    assert observer.counters.tracked["quic_flows"] == 0


def test_a_name_behind_a_hole_is_found() -> None:
    message = client_hello(key_share=1216)
    first, behind = message[:60], message[70:]
    assert b"chat.qwen.ai" in behind
    for group in ([(0, first), (70, behind)], [(70, behind)]):
        events = run(initials(group))
        (observation,) = observations(events)
        assert (observation.name, observation.attributes) == ("chat.qwen.ai", {"transport": "udp", "partial": True})
        assert [anomaly.reason for anomaly in anomalies(events)] == [Reason.GAP]
        assert [connection.named_by for connection in connections(events)] == [NamedBy.HELLO]
    odd = client_hello(b"not a host", key_share=1216)
    assert observations(run(initials([(70, odd[70:])]))) == []


@pytest.mark.parametrize(
    ("group", "why"),
    [
        ([(5, client_hello(None)[5:])], Nameless.INCOMPLETE),
        ([(0, b"\x01\x00")], Nameless.INCOMPLETE),
        ([(0, b"\x02\x00\x00\x02xx")], Nameless.UNREADABLE),
    ],
)
def test_no_readable_hello(group: list[tuple[int, bytes]], why: Nameless) -> None:
    events = run(initials(group))
    assert [connection.reason for connection in connections(events)] == [why]


def test_a_bad_frame_beside_the_hello() -> None:
    events = run([up(quic_initial(crypto_frame(0, HELLO) + b"\x08", size=1600))])
    assert said(events) == NAMED
    assert anomalies(events)[0].reason is Reason.BAD_VALUE


def test_unknown_versions_count_only_where_quic_is_expected() -> None:
    datagram = b"\xc0\x0a\x1a\x2a\x3a\x08" + bytes(1300)
    assert [anomaly.reason for anomaly in anomalies(run([up(datagram)]))] == [Reason.UNKNOWN_VERSION]
    assert run([udp(datagram, 50000, 6881)]) == []


def test_forged_initials_are_counted_and_bounded() -> None:
    observer = Observer()
    frames = [up(quic_initial(b"\x01", dcid=number.to_bytes(8, "big"), key_dcid=b"x")) for number in range(20)]
    begun, rest = initials(pieces(900)[:1], pieces(900)[1:])
    events = run([begun, *frames, rest, *frames], observer)
    assert said(events) == NAMED
    assert len(anomalies(events)) == 20
    assert all(len(pair.failed) <= 8 for pair in observer.quic.pairs.unused_since(1 << 63, 0))


def test_many_attempts_of_one_pair_are_bounded() -> None:
    observer = Observer()
    frames = [up(quic_initial(crypto_frame(0, b"\x01\x00"), dcid=number.to_bytes(8, "big"))) for number in range(20)]
    run(frames, observer, flush=False)
    assert [len(pair.attempts) for pair in observer.quic.pairs.unused_since(1 << 63, 0)] == [4]


def test_pairs_are_bounded_in_number_and_bytes() -> None:
    observer = Observer(Limits(quic_flows=10))
    datagram = quic_initial(crypto_frame(0, HELLO[:900]), dcid=DCID)
    events = run([up(datagram, sport=port) for port in range(1000, 1050)], observer, flush=False)
    assert (observer.counters.tracked["quic_flows"], observer.counters.evictions["quic_flows"]) == (10, 40)
    assert said(events) == NAMED * 40
    small = Observer(Limits(quic_bytes=5000))
    run([up(datagram, sport=port) for port in range(1000, 1050)], small, flush=False)
    assert small.quic.pairs.held <= 5000
    assert small.counters.evictions["quic_flows"] > 40


def google(version: int, frames: bytes) -> bytes:
    return quic_initial(frames, dcid=DCID, version=version, size=1300)


def test_googles_tls_versions() -> None:
    for version in (gquic.T050, gquic.T051):
        parts = [b"\x08" + crypto_frame(*piece)[1:] for piece in pieces(900)]
        datagrams = [quic_initial(part, dcid=DCID, version=version, number=at) for at, part in enumerate(parts)]
        for order in (datagrams, datagrams[::-1]):
            named_once([up(datagram) for datagram in order])


def test_q050() -> None:
    (observation,) = observations(run([up(google(gquic.Q050, b"\x07\x08" + crypto_frame(0, chlo())[1:]))]))
    assert (observation.name, observation.attributes) == ("chat.example", {"transport": "udp", "version": "Q050"})
    hello = chlo()
    halves = [
        up(quic_initial(b"\x08" + crypto_frame(at, hello[at : at + 700])[1:], dcid=DCID, version=gquic.Q050, number=at))
        for at in (700, 0)
    ]
    assert said(run(halves)) == [("quic", "client_hello", "chat.example")]


@pytest.mark.parametrize("version", ["Q024", "Q035", "Q039", "Q043", "Q044", "Q046"])
def test_googles_versions_in_the_clear(version: str) -> None:
    little = version < "Q039"
    hello = chlo()
    whole = up(gquic_packet(stream_frame(hello, little=little), version))
    halves = [
        up(gquic_packet(stream_frame(hello[at : at + 600], at, little=little), version))
        for at in range(0, len(hello), 600)
    ]
    again = up(gquic_packet(stream_frame(chlo(STK=b"token"), len(hello), little=little), version))  # after a REJ
    for frames in ([whole, whole, again], [*halves, again], halves[::-1], [halves[1], whole]):
        events = run(frames)
        assert said(events) == [("quic", "client_hello", "chat.example")]
        assert observations(events)[0].attributes == {"transport": "udp", "version": version}
        assert [connection.name for connection in connections(events)] == ["chat.example"]
        assert not anomalies(events)


def test_a_server_of_googles_says_nothing() -> None:
    reject = gquic_packet(stream_frame(b"REJ\x00" + bytes(40)), "Q046")
    assert run([down(reject)]) == []
    assert run([up(gquic_packet(stream_frame(chlo(), 900), "Q046"))]) == []
    first = up(gquic_packet(stream_frame(chlo()[:300]), "Q046"))
    assert said(run([first, down(reject)])) == []
    nameless = run([up(gquic_packet(stream_frame(chlo(None))))])
    assert [connection.reason for connection in connections(nameless)] == [Nameless.NO_SNI]


def test_a_broken_packet_of_googles() -> None:
    events = run([up(b"\xc3Q046\x05googleid" + bytes(40))])
    assert [anomaly.reason for anomaly in anomalies(events)] == [Reason.UNKNOWN_VERSION]
    assert run([up(b"\x39googleidQ043" + bytes(18))]) == []


def cut(datagram: bytes, size: int) -> Frame:
    whole = up(datagram)
    return whole._replace(data=whole.data[: 28 + size])


def test_an_initial_cut_by_the_snap_length_is_read_without_proof() -> None:
    small = client_hello(key_share=1216, extensions=[extension(21, bytes(100))])
    datagram = quic_initial(crypto_frame(0, small), dcid=DCID, size=1800)
    (observation,) = observations(run([cut(datagram, 400)]))
    assert (observation.name, observation.attributes["unverified"]) == ("chat.qwen.ai", True)
    assert "ja4" not in observation.attributes
    (observation,) = observations(run([up(datagram)]))
    assert "unverified" not in observation.attributes
    events = run([cut(datagram, 100)])  # not even the name
    assert (said(events), connections(events)) == ([], [])
    assert said(run([cut(google(gquic.Q050, b"\x08" + crypto_frame(0, chlo(pad=10))[1:]), 300)])) == [
        ("quic", "client_hello", "chat.example")
    ]


def test_without_proof_only_host_names_are_believed() -> None:
    for name in (b"localhost", b"chat .example", b"192.0.2.1"):
        datagram = quic_initial(crypto_frame(0, client_hello(name, key_share=1216)), dcid=DCID, size=1800)
        events = run([cut(datagram, 400)])
        assert (said(events), connections(events)) == ([], [])


def test_a_cut_packet_that_no_keys_fit_is_truncated() -> None:
    server = quic_initial(crypto_frame(0, bytes(900)), dcid=b"", key_dcid=DCID, server=True)
    events = run([cut(server, 300)])
    assert (said(events), [anomaly.reason for anomaly in anomalies(events)]) == ([], [Reason.TRUNCATED])
    forged = [cut(quic_initial(b"\x01", dcid=bytes((number,)), key_dcid=b"x"), 300) for number in range(200)]
    assert said(run(forged)) == []


class Gate:
    """Hands datagrams over as the gate does, and feeds what is left."""

    def __init__(self, *, plain: bool = True) -> None:
        self.observer = Observer()
        self.taken: list[bytes] = []
        self.observer.quic.take_hello = (lambda record, _ends, _time_ns: self._take(record)) if plain else None

    def _take(self, record: bytes) -> bool:
        self.taken.append(record)
        return b"www" in record

    def passed(self, frame: Frame) -> bool:
        (packet,) = [decode_packet(frame)]
        assert packet is not None
        ends = ends_of(packet.source, packet.destination)
        return self.observer.quic.pass_over(bytes(packet.payload), ends, frame.time_ns, None)


PLAIN = client_hello(b"www.example.org", key_share=1216)


def test_a_plain_hello_is_passed_over_with_all_that_follows() -> None:
    gate = Gate()
    frames = initials([pieces(600, message=PLAIN)[1]], [pieces(600, message=PLAIN)[0]])
    assert [gate.passed(frame) for frame in (*frames, *frames)] == [True] * 4
    assert len(gate.taken) == 1
    answer = quic_initial(b"\2\0\0\0\0", dcid=b"", scid=b"server's", key_dcid=DCID, server=True)
    assert gate.passed(down(answer))
    (later,) = initials([(0, b"")], dcid=b"server's", key_dcid=DCID)
    assert gate.passed(later)
    assert gate.observer.flush() == []
    assert gate.observer.counters.tracked["quic_flows"] == 1


def test_a_hello_that_is_to_be_told_is_fed() -> None:
    gate = Gate()
    first, second = initials([pieces(600)[0]], [pieces(600)[1]])
    assert [gate.passed(first), gate.passed(second)] == [True, False]
    assert said(gate.observer.feed(second)) == NAMED
    assert gate.passed(second)
    assert len(gate.taken) == 2  # asked again when it is fed
    without = Gate(plain=False)
    assert [without.passed(first), without.passed(second)] == [True, False]


def test_what_is_in_doubt_is_fed() -> None:
    gate = Gate()
    (whole,) = initials([(0, client_hello(b"www.example.org"))])
    data = bytes(whole.data)
    assert not gate.passed(up(data[28:-9]))  # cut off
    assert not gate.passed(up(data[28:-1] + b"?"))  # sealed otherwise
    assert not gate.passed(up(quic_initial(b"\xff", dcid=DCID)))  # no frame
    assert gate.passed(up(b"\xe0\0\0\0\1\0\0\x05" + bytes(20)))  # no Initial
    assert gate.passed(whole)
    assert not gate.passed(initials([(0, HELLO)], dcid=b"another!")[0])  # a new connection between the same ends
    assert len(gate.taken) == 1
