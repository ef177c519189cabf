"""DTLS, QUIC and Google's QUIC in any shape: the same observation, one connection, and never an error."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from functools import lru_cache

import pytest
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicProtocolVersion, encode_quic_retry
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from egret.decode import dtls, gquic
from egret.decode.quic_keys import KNOWN_VERSIONS
from egret.model import Frame
from egret.sources import kernel_filter
from egret.track.observer import Observer
from tests.support import live_bpf
from tests.support.datagrams import (
    chlo,
    dtls_body,
    dtls_datagrams,
    dtls_fragment,
    dtls_record,
    gquic_packet,
    stream_frame,
)
from tests.support.hello import (
    CLIENT,
    SECOND_NS,
    SERVER,
    START_NS,
    anomalies,
    client_hello,
    connections,
    crypto_frame,
    observations,
    quic_initial,
    run,
    said,
    udp,
)

FILTER = kernel_filter.program(kernel_filter.DEFAULT, kernel_filter.RAW_IP)
CUTS = st.lists(st.integers(1, 1500), max_size=10)
RANDOMS = st.randoms(use_true_random=False)
BODY = dtls_body(b"chat.qwen.ai", key_share=1216)
CHANGES = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=8)


def up(datagram: bytes, dport: int = 443) -> Frame:
    return udp(datagram, 50000, dport)


def down(datagram: bytes) -> Frame:
    return udp(datagram, 443, 50000, source=SERVER, destination=CLIENT)


@settings(max_examples=80, deadline=None)
@given(CUTS, CUTS, RANDOMS, st.integers(0, 4), st.booleans())
def test_dtls_in_any_fragments(cuts: list[int], more: list[int], rng: random.Random, copies: int, cookie: bool) -> None:
    (whole,) = observations(run([up(dtls_datagrams(BODY)[0], 4433)]))
    first = [*dtls_datagrams(BODY, cuts), *dtls_datagrams(BODY, more)]
    rng.shuffle(first)
    datagrams = first + rng.choices(first, k=copies)
    if cookie:
        again = dtls_body(b"chat.qwen.ai", cookie=b"x" * 20, key_share=1216)
        second = dtls_datagrams(again, more, number=1)
        rng.shuffle(second)
        datagrams = datagrams[: rng.randrange(len(datagrams) + 1)] + second
    events = run([up(datagram, 4433) for datagram in datagrams])
    (seen,) = observations(events)
    kept = {key: value for key, value in seen.attributes.items() if not cookie or key != "ja4"}
    assert (seen.name, seen.client, seen.protocol) == (whole.name, whole.client, whole.protocol)
    assert kept.items() <= dict(whole.attributes).items()
    assert len(connections(events)) == 1


@settings(max_examples=60, deadline=None)
@given(CUTS, RANDOMS, st.integers(0, 3), st.sampled_from(["Q035", "Q043", "Q046"]))
def test_a_chlo_in_any_packets(cuts: list[int], rng: random.Random, copies: int, version: str) -> None:
    hello, little = chlo(b"chat.qwen.ai", pad=1300), version < "Q039"
    ends = sorted({0, len(hello), *(cut for cut in cuts if cut < len(hello))})
    packets = [
        gquic_packet(stream_frame(hello[start:end], start, little=little), version)
        for start, end in itertools.pairwise(ends)
    ]
    packets += rng.choices(packets, k=copies)
    rng.shuffle(packets)
    events = run([up(packet) for packet in packets])
    assert said(events) == [("quic", "client_hello", "chat.qwen.ai")]
    assert len(connections(events)) == 1


def test_every_cut_of_a_datagram_says_nothing_else() -> None:
    names = {"chat.qwen.ai"}
    hello = client_hello()
    for datagram in (
        dtls_datagrams(dtls_body(b"chat.qwen.ai"))[0],
        gquic_packet(stream_frame(chlo(b"chat.qwen.ai", pad=200)), "Q046"),
        quic_initial(crypto_frame(0, hello), size=400),
        quic_initial(b"\x08" + crypto_frame(0, hello)[1:], size=400, version=gquic.T050),
    ):
        for size in range(len(datagram)):
            frame = up(datagram)
            for shorter in (up(datagram[:size]), frame._replace(data=frame.data[: 28 + size])):
                events = run([shorter])
                assert {observation.name for observation in observations(events)} <= names
                assert len(connections(events)) <= 1


@pytest.mark.parametrize("version", [*sorted(KNOWN_VERSIONS), 0x1A2A3A4A, 0x50524F58])
def test_the_kernel_filter_passes_every_version_that_is_read(version: int) -> None:
    frames = (b"\x08" if version in gquic.SEALED else b"\x06") + crypto_frame(0, client_hello())[1:]
    like = version if version in KNOWN_VERSIONS else 1
    datagram = up(quic_initial(frames, version=like, named=version.to_bytes(4, "big")))
    assert bool(observations(run([datagram]))) is (version != gquic.Q050)  # whose hello is a CHLO
    assert live_bpf.run(FILTER, bytes(datagram.data))


SEEDS = [
    dtls_datagrams(BODY)[0],
    dtls_record(dtls_fragment(BODY, 0, 90) + dtls_fragment(BODY, 90, 200)),
    gquic_packet(stream_frame(chlo()), "Q043"),
    gquic_packet(stream_frame(chlo()), "Q046"),
    quic_initial(crypto_frame(0, client_hello(key_share=1000))),
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(SEEDS), CHANGES, st.booleans(), st.integers(0, 2000)), max_size=6))
def test_changed_datagrams_are_events_never_errors(
    datagrams: list[tuple[bytes, list[tuple[int, int]], bool, int]],
) -> None:
    observer = Observer()
    for seed, changes, reverse, cut in datagrams:
        changed = bytearray(seed)
        for at, byte in changes:
            changed[at % len(changed)] = byte
        frame = (down if reverse else up)(bytes(changed))
        events = observer.feed(frame._replace(data=frame.data[: 28 + cut]))
        if observations(events):
            assert live_bpf.run(FILTER, bytes(frame.data))
    observer.flush()
    observer.expire(START_NS + 10**15)
    assert observer._dtls._held == 0
    assert observer._quic.pairs.held == 0
    assert not len(observer._dtls._pairs) + len(observer._quic.pairs)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=150))
def test_any_bytes_of_dtls(data: bytes) -> None:
    for datagram in (data, b"\x16\xfe\xfd\x00\x00" + data, dtls_record(data), dtls_record(b"\x01" + data)):
        dtls.hello_start(datagram)
        read = dtls.parse_datagram(datagram)
        assert sum(len(fragment.data) for fragment in read.fragments) <= len(datagram)
        run([up(datagram)])


@lru_cache(maxsize=1)
def credentials() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "chat.qwen.ai")])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + dt.timedelta(days=9999))
    return builder.sign(key, hashes.SHA256()), key


def talk(version: int, *, retry: bool, alpn: list[str]) -> list[Frame]:
    """Everything that an aioquic client and server say until both are done, as a monitor between them sees it."""
    ours = QuicConfiguration(is_client=True, server_name="chat.qwen.ai", alpn_protocols=alpn, verify_mode=0)
    ours.original_version = version
    ours.supported_versions = [version]
    client = QuicConnection(configuration=ours)
    client.connect((SERVER, 443), now=0.0)
    frames: list[Frame] = []
    first_id, source_id = client.original_destination_connection_id, None
    if retry:
        frames += [up(datagram) for datagram, _ in client.datagrams_to_send(now=0.0)]
        answer = encode_quic_retry(version, b"retryid0", client.host_cid, first_id, b"token")
        client.receive_datagram(answer, (SERVER, 443), now=0.1)
        frames.append(down(answer))
        source_id = b"retryid0"
    theirs = QuicConfiguration(is_client=False, alpn_protocols=alpn, supported_versions=[version])
    theirs.certificate, theirs.private_key = credentials()
    server = QuicConnection(
        configuration=theirs,
        original_destination_connection_id=first_id,
        retry_source_connection_id=source_id,
    )
    for turn in range(6):
        now = 0.2 + turn / 10
        for datagram, _ in client.datagrams_to_send(now=now):
            frames.append(up(datagram))
            server.receive_datagram(datagram, (CLIENT, 50000), now=now)
        for datagram, _ in server.datagrams_to_send(now=now):
            frames.append(down(datagram))
            client.receive_datagram(datagram, (SERVER, 443), now=now)
    assert client.tls.state.name == "CLIENT_POST_HANDSHAKE"
    return frames


@pytest.mark.parametrize("version", [QuicProtocolVersion.VERSION_1, QuicProtocolVersion.VERSION_2])
@pytest.mark.parametrize("retry", [False, True])
@pytest.mark.parametrize("long", [False, True])
def test_whole_handshakes_of_aioquic(version: int, retry: bool, long: bool) -> None:
    alpn = [f"protocol-{number:04d}" * 4 for number in range(40)] if long else ["h3"]
    frames = talk(version, retry=retry, alpn=alpn)
    for order in (frames, [*frames, *frames]):
        events = run(order)
        assert said(events) == [("quic", "client_hello", "chat.qwen.ai")]
        assert [connection.name for connection in connections(events)] == ["chat.qwen.ai"]
        assert not anomalies(events)


@settings(max_examples=20, deadline=None)
@given(RANDOMS)
def test_whole_handshakes_of_aioquic_out_of_order(rng: random.Random) -> None:
    frames = talk(QuicProtocolVersion.VERSION_1, retry=False, alpn=[f"protocol-{n:04d}" * 4 for n in range(40)])
    rng.shuffle(frames)
    observer = Observer()
    events = run(frames, observer, flush=False) + observer.expire(START_NS + 600 * SECOND_NS)
    assert said(events) == [("quic", "client_hello", "chat.qwen.ai")]
    assert len(connections(events)) == 1
