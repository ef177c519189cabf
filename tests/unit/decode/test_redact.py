from __future__ import annotations

import dns.message
import pytest

from egret.decode.redact import MAX_PROOF, proof_of, redact_dns, redact_request
from egret.evidence import Form, Raw
from egret.model import Connection, Endpoint, Kind, NamedBy, Nameless, Observation, Protocol, Transport
from tests.support.dialogues import dns_answer, socks4, socks5
from tests.support.hello import client_hello

CLIENT, SERVER = Endpoint(bytes([192, 0, 2, 7]), 40000), Endpoint(bytes([198, 51, 100, 7]), 443)


def seen(protocol: Protocol, kind: Kind, raw: bytes | None, **more: object) -> Observation:
    return Observation(
        time_ns=1,
        protocol=protocol,
        kind=kind,
        name="chat.example",
        client=CLIENT,
        server=SERVER,
        attributes=more,
        raw=None if raw is None else Raw(raw),
    )


def connection(raw: Raw | None = None, transport: Transport = Transport.TCP) -> Connection:
    return Connection(
        time_ns=1,
        transport=transport,
        client=CLIENT,
        server=SERVER,
        named_by=NamedBy.NOTHING,
        reason=Nameless.NO_SNI,
        protocol=Protocol.TLS,
        raw=raw,
    )


@pytest.mark.parametrize(
    ("head", "kept"),
    [
        (
            b"GET /secret?a HTTP/1.1\r\nHost: a.example\r\nCookie: x\r\n\r\nbody",
            b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
        ),
        (b"POST http://me:pw@a.example:80/p HTTP/1.0\nhost : b.example\n\n", None),
        (b"CONNECT a.example:443 HTTP/1.1\r\n\r\n", b"CONNECT a.example:443 HTTP/1.1\r\n\r\n"),
        (b"GET / HTTP/1.1\r\nHost:\r\n a.example\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        (b"GET / HTTP/1.1\r\nCookie: x\r\nHost: cut.exam", b"GET / HTTP/1.1\r\n\r\n"),
    ],
)
def test_of_a_request_method_authority_and_hosts_stay(head: bytes, kept: bytes | None) -> None:
    expected = b"POST http://a.example:80/ HTTP/1.0\r\nHost: b.example\r\n\r\n" if kept is None else kept
    assert redact_request(head) == expected


@pytest.mark.parametrize("head", [b"", b"\x16\x03\x01", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET"])
def test_what_is_no_text_is_written_from_what_was_understood(head: bytes) -> None:
    assert redact_request(head) is None
    proof = proof_of(seen(Protocol.HTTP, Kind.REQUEST, head, method="PUT"))
    assert proof is not None
    assert proof.data == b"PUT / HTTP/1.1\r\nHost: chat.example\r\n\r\n"
    assert "HTTP/2" in proof.notes[0]


def test_of_dns_what_names_and_addresses_stays() -> None:
    query = dns.message.make_query("chat.example", "A", use_edns=0, payload=1232)
    wire = query.to_wire()
    assert redact_dns(wire) == wire  # the OPT record has no options
    answer = dns_answer("chat.example", "198.51.100.7")
    assert redact_dns(answer + b"trailing") == answer
    assert redact_dns(answer[:20]) == b""  # nothing in it could be followed


def test_socks_loses_user_and_password() -> None:
    for raw in (socks5(b"chat.example", methods=b"\x02", login=True), socks4(b"chat.example", b"alice")):
        proof = proof_of(seen(Protocol.SOCKS, Kind.CONNECT, raw))
        assert proof is not None
        assert (len(proof.data), b"chat.example" in proof.data) == (len(raw), True)
        assert b"secret" not in proof.data
        assert b"alice" not in proof.data
    assert proof_of(seen(Protocol.SOCKS, Kind.CONNECT, b"\x05\x01")) is None


def test_a_look_up_over_http_keeps_the_names_asked_for() -> None:
    raw = b"GET http://203.107.1.1/123456/d?host=chat.example&ip=192.0.2.7&key=k HTTP/1.1\r\nHost: 203.107.1.1\r\n\r\n"
    proof = proof_of(seen(Protocol.HTTPDNS, Kind.QUERY, raw))
    assert proof is not None
    assert proof.data == b"GET /000000/d?host=chat.example HTTP/1.1\r\nHost: 203.107.1.1\r\n\r\n"


def test_a_hello_keeps_where_its_keys_follow_from() -> None:
    event = seen(Protocol.QUIC, Kind.CLIENT_HELLO, None)
    assert proof_of(event) is None
    proof = proof_of(connection(Raw(client_hello(None), b"\1\2", 1)))
    assert proof is not None
    assert (proof.form, proof.dcid, proof.version) == (Form.HELLO, b"\1\2", 1)
    assert len(proof.data) <= MAX_PROOF


def test_of_a_connection_that_nothing_names_no_byte_stays() -> None:
    proof = proof_of(connection())
    assert proof is not None
    assert (proof.form, set(proof.data)) == (Form.BLANK, {0})
    assert proof_of(connection(transport=Transport.UDP)) is None
