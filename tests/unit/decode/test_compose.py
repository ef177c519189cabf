from __future__ import annotations

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6

from egret.decode.compose import RAW_IP, SEGMENT, packets
from egret.decode.quic_keys import VERSION_1, VERSION_2
from egret.evidence import Form, Proof, Told
from egret.model import (
    Connection,
    Endpoint,
    Frame,
    Kind,
    NamedBy,
    Nameless,
    Observation,
    Protocol,
    Transport,
)
from egret.track.observer import Observer
from tests.support.datagrams import dtls_body
from tests.support.dialogues import dns_answer, dns_query
from tests.support.hello import client_hello

CLIENT, SERVER = Endpoint(bytes([192, 0, 2, 7]), 40000), Endpoint(bytes([198, 51, 100, 7]), 443)
CLIENT6, SERVER6 = Endpoint(bytes.fromhex("20010db8" + "0" * 22 + "07"), 40000), Endpoint(bytes(15) + b"\1", 443)


def seen(
    protocol: Protocol, kind: Kind, transport: str, client: Endpoint = CLIENT, server: Endpoint = SERVER
) -> Observation:
    return Observation(
        time_ns=5,
        protocol=protocol,
        kind=kind,
        name="chat.example",
        client=client,
        server=server,
        attributes={"transport": transport},
    )


def said(made: list[tuple[int, bytes]]) -> list[tuple[str, str, str]]:
    observer = Observer()
    events = [e for time_ns, data in made for e in observer.feed(Frame(time_ns, RAW_IP, memoryview(data), len(data)))]
    return [(e.protocol, e.kind, e.name) for e in events + observer.flush() if isinstance(e, Observation)]


@pytest.mark.parametrize(("client", "server"), [(CLIENT, SERVER), (CLIENT6, SERVER6)])
def test_headers_are_right_checksums_included(client: Endpoint, server: Endpoint) -> None:
    proof = Proof(Form.TEXT, b"GET / HTTP/1.1\r\nHost: chat.example\r\n\r\n!")
    made = packets(seen(Protocol.HTTP, Kind.REQUEST, "tcp", client, server), proof)
    made += packets(seen(Protocol.DNS, Kind.QUERY, "udp", client, server), Proof(Form.DNS, dns_query("chat.example")))
    for _, data in made:
        packet = IPv6(data) if len(client.ip) == 16 else IP(data)
        layer = TCP if TCP in packet else UDP
        found = packet[layer].chksum
        del packet[layer].chksum
        if IP in packet:
            del packet[IP].chksum
        again = type(packet)(bytes(packet))
        assert (again[layer].chksum, bytes(again)) == (found, data)


def test_what_is_long_is_in_segments() -> None:
    message = client_hello(b"chat.example", key_share=4000)
    made = packets(seen(Protocol.TLS, Kind.CLIENT_HELLO, "tcp"), Proof(Form.HELLO, message))
    assert len(made) == 3
    assert all(len(data) <= SEGMENT + 40 for _, data in made)
    assert said(made) == [("tls", "client_hello", "chat.example")]


@pytest.mark.parametrize("version", [VERSION_1, VERSION_2, 0xFF00001D, 0x0A0A0A0A])
def test_quic_is_sealed_again(version: int) -> None:
    proof = Proof(Form.HELLO, client_hello(b"chat.example", key_share=1216), (), b"\1\2\3\4\5\6\7\x08", version)
    assert said(packets(seen(Protocol.QUIC, Kind.CLIENT_HELLO, "udp"), proof)) == [
        ("quic", "client_hello", "chat.example")
    ]


def test_dtls_and_dns_over_tcp() -> None:
    body = dtls_body(b"chat.example")
    hello = b"\x01" + len(body).to_bytes(3, "big") + body
    assert said(packets(seen(Protocol.DTLS, Kind.CLIENT_HELLO, "udp"), Proof(Form.HELLO, hello)))
    server = Endpoint(SERVER.ip, 53)
    made = packets(
        seen(Protocol.DNS, Kind.ANSWER, "tcp", server=server), Proof(Form.DNS, dns_answer("a.example", "192.0.2.9"))
    )
    assert said(made) == [("dns", "answer", "a.example")]


def test_a_connection_comes_behind_the_answer_that_named_it() -> None:
    event = Connection(
        time_ns=2_000_000_000,
        transport=Transport.TCP,
        client=CLIENT,
        server=SERVER,
        named_by=NamedBy.ANSWER,
        name="chat.example",
    )
    told = Told(dns_answer("chat.example", "198.51.100.7"), 1_000_000_000, bytes([198, 51, 100, 53]), 53, 5353)
    for proof in (
        Proof(Form.BLANK, bytes(8), (), told=told),
        Proof(Form.BLANK, bytes(8), (), told=told._replace(tcp=True)),
    ):
        made = packets(event, proof)
        assert [time_ns for time_ns, _ in made] == [1_000_000_000] + [2_000_000_000] * 3
        observer = Observer()
        events = [e for t, data in made for e in observer.feed(Frame(t, RAW_IP, memoryview(data), len(data)))]
        found = [e for e in events + observer.flush() if isinstance(e, Connection)]
        assert [(e.name, e.named_by, e.reason) for e in found if e.server == SERVER] == [
            ("chat.example", NamedBy.ANSWER, None)
        ]
    assert len(packets(event, Proof(Form.BLANK, b"", (), told=told._replace(resolver=bytes(16))))) == 3


def test_ends_of_two_families_make_nothing() -> None:
    event = Connection(
        time_ns=1,
        transport=Transport.TCP,
        client=CLIENT,
        server=SERVER6,
        named_by=NamedBy.NOTHING,
        reason=Nameless.NOT_RECOGNISED,
    )
    assert packets(event, Proof(Form.BLANK, bytes(8))) == []
