from __future__ import annotations

from collections import Counter

from egret.decode.tls import ClientHello
from egret.errors import Reason
from egret.model import Anomaly, Endpoint, Kind, NamedBy, Nameless, Observation, Protocol, Transport
from egret.track.answers import Answers
from egret.track.limits import Limits
from egret.track.naming import Ends, Namer, Said, said_behind_holes, said_by_hello
from tests.support.hello import sni

ENDS = Ends(Transport.TCP, Endpoint(b"\xc0\x00\x02\x0a", 40000), Endpoint(b"\xc6\x33\x64\x14", 443), "lan0")


def test_a_hello_says_its_name_and_little_else() -> None:
    hello = ClientHello(
        server_name=b"Chat.Qwen.AI.",
        version=0x0304,
        alpn=(b"h2", b"\x1b[31m"),
        ech=True,
        ech_config_id=3,
        esni=True,
        post_quantum=True,
    )
    said = said_by_hello(hello, Protocol.TLS)
    assert (said.name, said.kind, said.anomaly) == ("chat.qwen.ai", Kind.CLIENT_HELLO, None)
    assert said.attributes == {
        "version": "1.3",
        "alpn": ["h2", "\\x1b[31m"],
        "ech": "unknown",
        "ech_config_id": 3,
        "esni": True,
        "post_quantum": True,
    }


def test_bad_names_and_address_literals() -> None:
    def of(host: bytes | None, anomaly: Reason | None = None) -> Said:
        return said_by_hello(ClientHello(server_name=host, version=0x0303, anomaly=anomaly), Protocol.QUIC)

    assert (of(b"a..b").name, of(b"a..b").anomaly) == ("a..b", Reason.BAD_NAME)
    assert (of(b"..").name, of(b"..").anomaly) == (None, Reason.BAD_NAME)
    assert (of(b"a.example:443").name, of(b"a.example:443").anomaly) == ("a.example", None)
    assert (of(b"192.0.2.1").name, of(b"192.0.2.1").anomaly) == (None, None)
    assert of(b"a..b", Reason.TRUNCATED).anomaly is Reason.TRUNCATED
    assert of(None) == Said(Protocol.QUIC, Kind.CLIENT_HELLO, None, {"version": "1.2"})


def test_a_name_behind_a_hole() -> None:
    found = said_behind_holes([b"nothing", b"..." + sni(b"a.example")], Protocol.DTLS, {"x": 1})
    assert found == Said(Protocol.DTLS, Kind.CLIENT_HELLO, "a.example", {"partial": True, "x": 1}, Reason.GAP)
    for name in (b"localhost", b"a b.example", b"192.0.2.1"):
        assert said_behind_holes([sni(name)], Protocol.QUIC, {}) is None


def test_observations_of_two_names_and_an_anomaly() -> None:
    said = Said(Protocol.HTTP, Kind.CONNECT, "a.example", {"method": "CONNECT"}, Reason.BAD_VALUE, ("b.example",))
    first, second, anomaly = Namer(Answers(Limits(), Counter())).observations(said, ENDS, 5)
    assert isinstance(first, Observation)
    assert isinstance(second, Observation)
    assert (first.name, first.kind, first.attributes) == (
        "a.example",
        Kind.CONNECT,
        {"transport": "tcp", "method": "CONNECT"},
    )
    assert (second.name, second.kind, second.interface) == ("b.example", Kind.REQUEST, "lan0")
    assert anomaly == Anomaly(5, "http", Reason.BAD_VALUE, ENDS.flow, "lan0")


def test_connections() -> None:
    answers = Answers(Limits(), Counter())
    namer = Namer(answers)
    request = namer.connection(Said(Protocol.HTTP, Kind.REQUEST, "a.example"), ENDS, 5)
    assert (request.named_by, request.name, request.reason) == (NamedBy.HTTP, "a.example", None)
    unnamed = Said(Protocol.TLS, Kind.CLIENT_HELLO, None)
    nothing = namer.connection(unnamed, ENDS, 5)
    assert (nothing.named_by, nothing.name, nothing.reason) == (NamedBy.NOTHING, None, Nameless.NO_SNI)
    answers.learn(ENDS.client.ip, ENDS.server.ip, "b.example", 60, 5)
    inferred = namer.connection(unnamed, ENDS, 6)
    assert (inferred.named_by, inferred.name, inferred.reason, inferred.protocol) == (
        NamedBy.ANSWER,
        "b.example",
        None,
        Protocol.TLS,
    )
