"""What is kept of a message says the same again, and nothing of what was secret in it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import dns.edns
import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egret.decode.compose import RAW_IP, packets
from egret.decode.redact import MAX_PROOF, proof_of
from egret.evidence import Raw
from egret.model import Endpoint, Frame, Kind, Observation, Protocol
from egret.track.observer import Observer
from tests.support.datagrams import dtls_body
from tests.support.hello import client_hello, extension, vector
from tests.support.reshape import SHAPES
from tests.support.reshape import packets as wire
from tests.support.talks import talks

START_NS = 1_700_000_000_000_000_000
CANARY = b"canaryCANARY0123"
CLIENT, SERVER = Endpoint(bytes([192, 0, 2, 10]), 40000), Endpoint(bytes([198, 51, 100, 20]), 443)


def read(datagrams: Iterable[bytes]) -> list[Observation]:
    observer = Observer()
    events = [
        event
        for number, data in enumerate(datagrams)
        for event in observer.feed(Frame(START_NS + number * 500_000, RAW_IP, memoryview(data), len(data)))
    ]
    return [event for event in events + observer.flush() if isinstance(event, Observation)]


@lru_cache
def everything() -> tuple[Observation, ...]:
    return tuple(read(packet for number, talk in enumerate(talks()) for packet in wire(talk, number, SHAPES["plain"])))


def shown(seen: Observation) -> tuple[list[Observation], bytes]:
    proof = proof_of(seen)
    made = [] if proof is None else packets(seen, proof)
    return read(data for _, data in made), b"" if proof is None else proof.data


def what(seen: Observation) -> tuple[object, ...]:
    ends = (seen.client, seen.server)
    told = seen.attributes.get("ja4"), seen.attributes.get("alpn"), seen.attributes.get("version")
    return (seen.protocol, seen.kind, seen.name, ends, told, seen.addresses)


def test_every_message_reads_to_the_same_again() -> None:
    asked = [seen for seen in everything() if seen.kind is not Kind.CNAME and not is_without_proof(seen)]
    assert len(asked) > 100
    missing = [(what(seen), [what(one) for one in shown(seen)[0]]) for seen in asked if not is_shown(seen)]
    assert missing == []


def is_shown(seen: Observation) -> bool:
    return what(seen) in [what(one) for one in shown(seen)[0]]


def is_without_proof(seen: Observation) -> bool:
    """Google's own QUIC, parts of hellos behind holes, and answers over HTTP: told by the record alone."""
    return seen.raw is None


@pytest.mark.parametrize("protocol", Protocol)
def test_few_messages_have_no_proof(protocol: Protocol) -> None:
    of_protocol = [seen for seen in everything() if seen.protocol is protocol and seen.kind is not Kind.CNAME]
    assert sum(is_without_proof(seen) for seen in of_protocol) <= len(of_protocol) / 2


def seen_as(protocol: Protocol, kind: Kind, raw: bytes, name: str = "chat.example", **more: object) -> Observation:
    return Observation(
        time_ns=START_NS,
        protocol=protocol,
        kind=kind,
        name=name,
        client=CLIENT,
        server=SERVER,
        attributes={"transport": "udp" if protocol in {Protocol.DNS, Protocol.QUIC, Protocol.DTLS} else "tcp", **more},
        raw=Raw(raw, b"\x01\x02\x03\x04\x05\x06\x07\x08", 1),
    )


def psk(secret: bytes) -> bytes:
    identities = vector(2, vector(2, secret) + bytes(4))
    return extension(41, identities + vector(2, vector(1, secret)))


SECRET = st.binary(max_size=40).map(lambda more: CANARY + more)
SECRETS = st.lists(
    st.one_of(
        SECRET.map(psk),
        SECRET.map(lambda secret: extension(35, secret)),  # session_ticket
        SECRET.map(lambda secret: extension(44, vector(2, secret))),  # cookie
        SECRET.map(lambda secret: extension(51, vector(2, b"\0\x1d" + vector(2, secret)))),
        SECRET.map(lambda secret: extension(0xFF01, vector(1, secret))),  # renegotiation_info
        SECRET.map(
            lambda secret: extension(57, b"\x0f" + bytes([len(secret)]) + secret)
        ),  # QUIC's transport parameters
        SECRET.map(lambda secret: extension(21, secret)),
        SECRET.map(lambda secret: extension(0xFE0D, b"\0\0\1\0\1\7" + vector(2, secret) + vector(2, secret))),
        st.tuples(st.integers(0x4000, 0xFFFF), SECRET).map(lambda drawn: extension(0x8000 | drawn[0] & ~1, drawn[1])),
    ),
    max_size=6,
)


def with_extensions(secrets: list[bytes], name: bytes = b"chat.example") -> bytes:
    message = client_hello(name)
    at = 4 + 2 + 32 + 1 + message[38]
    at += 2 + int.from_bytes(message[at : at + 2], "big")
    at += 1 + message[at]
    held = message[at + 2 :] + b"".join(secrets)
    body = message[4:38] + vector(1, CANARY.ljust(32, b"!")) + message[39 + message[38] : at] + vector(2, held)
    return b"\x01" + vector(3, body)


@given(SECRETS, st.sampled_from([Protocol.TLS, Protocol.QUIC]))
def test_secrets_of_hellos_go(secrets: list[bytes], protocol: Protocol) -> None:
    seen = seen_as(protocol, Kind.CLIENT_HELLO, with_extensions(secrets))
    again, kept = shown(seen)
    assert CANARY not in kept
    assert [(one.protocol, one.name) for one in again] == [(protocol, "chat.example")]


@given(SECRETS, st.data())
def test_secrets_of_broken_hellos_go(secrets: list[bytes], data: st.DataObject) -> None:
    message = bytearray(with_extensions(secrets))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(38, len(message) - 1))
        message[at] = data.draw(st.integers(0, 255))
    whole = bytes(message)[: data.draw(st.integers(0, len(message)))]
    _, kept = shown(seen_as(Protocol.TLS, Kind.CLIENT_HELLO, whole))
    assert len(kept) <= min(len(whole), MAX_PROOF)


def test_cookies_of_dtls_go() -> None:
    body = dtls_body(b"chat.example", cookie=CANARY)
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    again, kept = shown(seen_as(Protocol.DTLS, Kind.CLIENT_HELLO, message))
    assert CANARY not in kept
    assert [one.name for one in again] == ["chat.example"]


FIELD = st.sampled_from(["Cookie", "Authorization", "X-Api-Key", "Referer", "Proxy-Authorization", "cookie", "Hos"])
TARGET = st.sampled_from(
    [
        "/{0}?q={0}",
        "/",
        "http://{0}:{0}@chat.example/{0}?{0}",
        "http://chat.example/{0}#{0}",
        "*",
    ]
)


@given(TARGET, st.lists(FIELD), st.integers(0, 3), st.sampled_from(["\r\n", "\n"]))
def test_secrets_of_requests_go(target: str, fields: list[str], host_at: int, end: str) -> None:
    canary = CANARY.decode()
    lines = [f"{field}: {canary}" for field in fields]
    lines.insert(host_at, f"Host: {canary}:{canary}@chat.example" if host_at == 3 else "Host: chat.example")
    head = end.join([f"POST {target.format(canary)} HTTP/1.1", *lines, "", canary])
    again, kept = shown(seen_as(Protocol.HTTP, Kind.REQUEST, head.encode(), method="POST"))
    assert CANARY not in kept
    if host_at != 3 or "chat.example" in target:
        assert "chat.example" in [one.name for one in again]


@given(st.binary(max_size=300))
def test_any_bytes_give_bounded_ones(data: bytes) -> None:
    for protocol in Protocol:
        kind = Kind.QUERY if protocol is Protocol.DNS else Kind.REQUEST
        _, kept = shown(seen_as(protocol, kind, data))
        assert len(kept) <= MAX_PROOF


@given(st.booleans())
def test_secrets_of_socks_go(login: bool) -> None:
    password = b"\x01" + vector(1, CANARY) + vector(1, CANARY) if login else b""
    request = b"\x05\x02\x00\x02" + password + b"\x05\x01\x00\x03\x0cchat.example\x01\xbb"
    for raw in (request, b"\x04\x01\x01\xbb\0\0\0\1" + CANARY + b"\0chat.example\0"):
        again, kept = shown(seen_as(Protocol.SOCKS, Kind.CONNECT, raw))
        assert CANARY not in kept
        assert [one.name for one in again] == ["chat.example"]


def test_secrets_of_dns_go() -> None:
    query = dns.message.make_query("chat.example", "A")
    subnet = dns.edns.GenericOption(dns.edns.OptionType.ECS, CANARY)
    query.use_edns(options=[dns.edns.GenericOption(dns.edns.OptionType.COOKIE, CANARY), subnet])
    reply = dns.message.make_response(query)
    reply.answer.append(dns.rrset.from_text("chat.example.", 60, "IN", "TXT", CANARY.decode()))
    reply.answer.append(dns.rrset.from_text("chat.example.", 60, "IN", "A", "198.51.100.7"))
    for raw, kind in ((query.to_wire(), Kind.QUERY), (reply.to_wire() + CANARY, Kind.ANSWER)):
        again, kept = shown(seen_as(Protocol.DNS, kind, raw))
        assert CANARY not in kept
        assert (kind, "chat.example") in [(one.kind, one.name) for one in again]


def test_secrets_of_look_ups_over_http_go() -> None:
    raw = (
        b"GET /987654/sign_d?s="
        + CANARY
        + b"&host=chat.example&t="
        + CANARY
        + b" HTTP/1.1\r\nHost: 203.107.1.1\r\n\r\n"
    )
    seen = seen_as(Protocol.HTTPDNS, Kind.QUERY, raw)
    proof = proof_of(seen)
    assert proof is not None
    assert CANARY not in proof.data
    assert b"987654" not in proof.data
    assert b"host=chat.example" in proof.data
