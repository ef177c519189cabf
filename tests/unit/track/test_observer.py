from __future__ import annotations

import struct

import dns.message
import dns.rrset
import pytest

from egret.errors import Reason
from egret.model import Frame, Transport
from egret.track.answers import Learnt
from egret.track.limits import Limits
from egret.track.observer import Observer
from tests.support.hello import (
    ACK,
    CLIENT,
    FIN,
    SECOND_NS,
    SERVER,
    START_NS,
    Tcp,
    anomalies,
    client_hello,
    connections,
    crypto_frame,
    ip_packet,
    observations,
    openssl_hello,
    quic_initial,
    records,
    run,
    said,
    udp,
)

QUERY = dns.message.make_query("a.example.", "A").to_wire()


def test_counters() -> None:
    observer = Observer()
    tcp = Tcp()
    frames = [*tcp.handshake(), udp(QUERY, 5000, 53), udp(QUERY, 5000, 53)]
    run(frames, observer, flush=False)
    counters = observer.counters
    assert (counters.frames, counters.bytes) == (5, sum(frame.wire_length for frame in frames))
    assert counters.packets == {Transport.TCP: 3, Transport.UDP: 2}
    assert counters.duplicates == 1
    assert counters.tracked == {
        "flows": 1,
        "decided": 0,
        "http_flows": 0,
        "httpdns": 0,
        "late_hellos": 0,
        "dns_streams": 0,
        "quic_flows": 0,
        "dtls_flows": 0,
        "answers": 0,
        "ech_names": 0,
        "volume_peers": 0,
        "volume_flows": 0,
        "volume_pending": 0,
    }
    assert counters.evictions["fragments"] == 0


def test_frames_that_cannot_be_read() -> None:
    bad = Frame(START_NS, 9999, memoryview(b"x"), 1, "lan0")
    (event,) = run([bad])
    assert event == anomalies([event])[0]
    assert (anomalies([event])[0].protocol, anomalies([event])[0].reason) == ("link", Reason.UNKNOWN_LINKTYPE)
    short = Frame(START_NS, 101, memoryview(b"\x45\x00"), 2, None)
    assert [(a.protocol, a.reason) for a in anomalies(run([short]))] == [("ip", Reason.TRUNCATED)]
    icmp = udp(QUERY, 5000, 53).data.tobytes()
    assert run([Frame(START_NS, 101, memoryview(icmp[:9] + b"\x01" + icmp[10:]), len(icmp), None)]) == []


def test_time_itself_settles_what_waits() -> None:
    observer = Observer()
    tcp = Tcp()
    run([*tcp.handshake(), tcp.send(0, openssl_hello("a.example")[:300])], observer, flush=False)
    later = udp(QUERY, 5000, 53, at_ns=START_NS + 9 * SECOND_NS)
    assert said(observer.feed(later)) == [("tls", "client_hello", "a.example"), ("dns", "query", "a.example")]


def test_time_may_go_backwards() -> None:
    observer = Observer(Limits(flows=50))
    for step in range(200):
        tcp = Tcp(sport=1000 + step)
        tcp.at_ns = START_NS - step * 100 * SECOND_NS
        run([*tcp.handshake(), tcp.send(0, b"\x16\x03\x01")], observer, flush=False)
    assert observer.counters.tracked["flows"] == 50
    assert observer.expire(START_NS + SECOND_NS * 1000)
    assert observer.counters.tracked["flows"] == 0


def test_a_step_back_starts_the_waiting_anew() -> None:
    observer = Observer()
    tcp, quic = Tcp(), udp(quic_initial(crypto_frame(0, client_hello()[:100])), 5000, 443)
    stream = Tcp(dport=53)
    run(
        [*tcp.handshake(), tcp.send(0, b"\x16\x03\x01"), stream.syn(), stream.send(0, b"\x00"), quic],
        observer,
        flush=False,
    )
    back = START_NS - 3600 * SECOND_NS
    observer.feed(udp(QUERY, 5000, 53, at_ns=back))
    assert observer.expire(back + 4 * SECOND_NS) == []
    assert len(connections(observer.expire(back + 6 * SECOND_NS))) == 2
    observer.expire(back + 200 * SECOND_NS)
    assert observer.counters.tracked["dns_streams"] == 0


def test_flush_settles_everything() -> None:
    tcp, quic = Tcp(), udp(quic_initial(crypto_frame(0, client_hello()[:100])), 5000, 443)
    observer = Observer()
    run([*tcp.handshake(), quic], observer, flush=False)
    assert len(connections(observer.flush())) == 2
    assert observer.flush() == []


@pytest.mark.parametrize("cut", [None, 60])
def test_fragments_are_put_together(cut: int | None) -> None:
    whole = udp(QUERY, 5000, 53).data.tobytes()
    header, body = whole[:20], whole[20:]
    first = header[:6] + b"\x20\x00" + header[8:] + body[:16]
    last = header[:6] + b"\x00\x02" + header[8:] + body[16:]
    first = first[:2] + len(first).to_bytes(2, "big") + first[4:]
    last = last[:2] + len(last).to_bytes(2, "big") + last[4:]
    frames = [Frame(START_NS, 101, memoryview(part), len(part), None) for part in (last, first)]
    assert said(run(frames)) == [("dns", "query", "a.example")]
    lost = Observer()
    run(frames[1:], lost, flush=False)
    assert Reason.GAP in {anomaly.reason for anomaly in anomalies(lost.expire(START_NS + 31 * SECOND_NS))}


@pytest.mark.slow
def test_a_flood_of_flows_stays_bounded() -> None:
    """Scaled down from the ten million of the bench: the bounds do not depend on the number."""
    limits = Limits(flows=500, decided=500, http_flows=100, quic_flows=200, answers=200, duplicates=200, dns_streams=50)
    observer = Observer(limits)
    hello, request = openssl_hello("a.example"), b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
    for number in range(3000):
        client = f"192.0.{number >> 8}.{number & 255}"
        tcp, web, stream = (Tcp(client=client, dport=port, sport=2000 + number) for port in (443, 80, 53))
        for frame in (
            tcp.syn(),
            tcp.send(0, hello),
            web.send(0, request),
            web.send(len(request), b"GET / HT"),
            stream.syn(),
            Tcp(client=client, sport=9).syn(),
            Tcp(client=client, sport=10).send(0, b"\x17\x03\x03"),
            udp(
                b"\xc0\x00\x00\x00\x01\x08" + number.to_bytes(8, "big") + b"\x00\x00\x20" + bytes(32),
                6000,
                443,
                source=client,
            ),
            udp(QUERY, 2000 + number, 53, source=client),
            tcp.send(len(hello), flags=FIN | ACK),
        ):
            observer.feed(frame)
    tracked = observer.counters.tracked
    assert tracked["flows"] <= 500
    assert tracked["decided"] <= 1000
    assert tracked["http_flows"] <= 100
    assert tracked["quic_flows"] <= 200
    assert tracked["dns_streams"] <= 50
    assert observer.counters.evictions["flows"] > 1000
    assert observer.streams._flows.held < 1_000_000


def test_the_two_ends_are_told_apart_by_who_asked() -> None:
    response = dns.message.make_response(dns.message.make_query("a.example.", "A")).to_wire()
    assert run([udp(response, 53, 5000, source=SERVER, destination=CLIENT)]) == []


def test_addresses_of_flagged_names_are_followed_from_the_start_on() -> None:
    observer = Observer(flagged=lambda _name: True, measured=lambda name: name == "chat.example")
    client, server = bytes([192, 0, 2, 1]), bytes([203, 0, 113, 9])
    learnt = [Learnt(client, server, "chat.example", 10**18), Learnt(client, client, "other.example", 10**18)]
    observer.restore(learnt, 1)
    assert observer.volumes.addresses() == [server]
    assert observer.answers.name_of(client, server, 1) == "chat.example"


def quoting(packet: Frame) -> Frame:
    error = b"\3\3" + bytes(6) + bytes(packet.data)
    return Frame(START_NS, 101, memoryview(ip_packet(SERVER, CLIENT, 1, error)), 28 + len(packet.data), "lan0")


def test_what_an_error_quotes_is_named_and_nothing_else() -> None:
    tcp = Tcp()
    hello = records(client_hello())
    answer = dns.message.make_response(dns.message.from_wire(QUERY))
    answer.answer.append(dns.rrset.from_text("a.example.", 300, "IN", "A", SERVER))
    observer = Observer()
    forged = [quoting(tcp.syn()), quoting(tcp.send(0, hello)), quoting(udp(answer.to_wire(), 53, 5000))]
    events = run([*forged, *forged], observer)
    assert said(events) == [("tls", "client_hello", "chat.qwen.ai"), ("dns", "answer", "a.example")] * 2
    assert all(observation.attributes["quoted"] for observation in observations(events))
    assert not connections(events)
    assert not any(observer.counters.tracked.values())
    (real,) = connections(run([*tcp.handshake(), tcp.send(0, openssl_hello("other.example"))], observer))
    assert real.name == "other.example"


def test_every_frame_of_a_report_is_fed() -> None:
    one, two = (bytes(udp(QUERY, port, 53).data) for port in (5000, 5001))
    sampled = [struct.pack("!6I", 1, 16 + len(f), 11, len(f), 0, len(f)) + f for f in (one, two)]
    flow = bytes(28) + struct.pack("!I", 2) + b"".join(sampled)
    report = struct.pack("!7I", 5, 1, 0, 0, 0, 0, 1) + struct.pack("!2I", 1, len(flow)) + flow
    observer = Observer()
    events = run([udp(report, 6343, 6343)], observer)
    assert said(events) == [("dns", "query", "a.example")] * 2
    assert observer.newest is None
    assert [anomaly.reason for anomaly in anomalies(run([udp(report[:150], 6343, 6343)]))] == [Reason.TRUNCATED]
