from __future__ import annotations

import dns.message
import dns.rrset
import dns.update
import pytest

from egret.errors import Reason
from egret.model import Frame, Kind, NamedBy
from egret.track.limits import Limits
from egret.track.observer import Observer
from tests.support.hello import (
    CLIENT,
    SECOND_NS,
    SERVER,
    START_NS,
    Tcp,
    anomalies,
    connections,
    observations,
    openssl_hello,
    run,
    said,
    udp,
)

RESOLVER = "192.0.2.53"


def query(name: str, qtype: str = "A", *, ident: int = 7) -> dns.message.Message:
    message = dns.message.make_query(name, qtype, use_edns=True)
    message.id = ident
    return message


def answer(name: str, *records: tuple[str, str, str], qtype: str = "A") -> bytes:
    message = dns.message.make_response(query(name, qtype))
    for owner, rtype, data in records:
        message.answer.append(dns.rrset.from_text(owner, 20, "IN", rtype, *data.split("|")))
    return message.to_wire()


def asked(wire: bytes, *, at_ns: int = START_NS, sport: int = 5555) -> Frame:
    return udp(wire, sport, 53, destination=RESOLVER, at_ns=at_ns)


def answered(wire: bytes) -> Frame:
    return udp(wire, 53, 5555, source=RESOLVER, destination=CLIENT)


def test_a_query_of_any_type() -> None:
    events = run([asked(query("Chat.Qwen.AI.", "HTTPS").to_wire())])
    (observation,) = observations(events)
    assert (observation.name, observation.qtype, observation.kind) == ("chat.qwen.ai", "HTTPS", Kind.QUERY)
    assert (observation.client.port, observation.server.port) == (5555, 53)
    assert run([asked(query(".", "NS").to_wire())]) == []


def test_an_answer_through_a_chain() -> None:
    wire = answer(
        "a.example.",
        ("a.example.", "CNAME", "b.example."),
        ("b.example.", "CNAME", "c.example."),
        ("c.example.", "A", "198.51.100.20|198.51.100.21"),
        ("c.example.", "AAAA", "2001:db8::1"),
    )
    events = run([answered(wire)])
    assert said(events) == [
        ("dns", "cname", "a.example"),
        ("dns", "cname", "b.example"),
        ("dns", "answer", "c.example"),
    ]
    last = observations(events)[-1]
    assert (len(last.addresses), last.ttl_s, last.client.port) == (3, 20, 5555)
    assert observations(events)[0].target == "b.example"


def test_an_answer_names_a_later_flow_by_what_was_asked() -> None:
    wire = answer("a.example.", ("a.example.", "CNAME", "cdn.example."), ("cdn.example.", "A", SERVER))
    tcp = Tcp()
    events = run([answered(wire), *tcp.handshake(), *tcp.stream(openssl_hello(None))])
    (connection,) = connections(events)
    assert (connection.named_by, connection.name, connection.reason) == (NamedBy.ANSWER, "a.example", None)
    other = Tcp(client="192.0.2.77")
    observer = Observer()
    (connection,) = connections(run([answered(wire), *other.handshake(), *other.stream(openssl_hello(None))], observer))
    assert connection.named_by is NamedBy.NOTHING
    assert observer.counters.tracked["answers"] == 1


def test_service_hints_name_later_flows_too() -> None:
    wire = answer("a.example.", ("a.example.", "HTTPS", f"1 . alpn=h3 ipv4hint={SERVER}"), qtype="HTTPS")
    tcp = Tcp()
    events = run([answered(wire), *tcp.handshake(), *tcp.stream(openssl_hello(None))])
    assert said(events) == []
    assert connections(events)[0].name == "a.example"


def test_an_owner_outside_the_chain_names_itself() -> None:
    loop = answer(
        "a.example.",
        ("a.example.", "CNAME", "b.example."),
        ("b.example.", "CNAME", "a.example."),
        ("x.example.", "A", SERVER),
    )
    tcp = Tcp()
    (connection,) = connections(run([answered(loop), *tcp.handshake(), *tcp.stream(openssl_hello(None))]))
    assert connection.name == "x.example"


def test_a_second_copy_is_not_said_again() -> None:
    wire = query("a.example.").to_wire()
    observer = Observer(Limits(duplicate_s=1))
    copies = [asked(wire), asked(wire, at_ns=START_NS + SECOND_NS // 2), asked(wire, at_ns=START_NS + 9 * SECOND_NS)]
    assert len(observations(run(copies, observer))) == 2
    assert observer.counters.duplicates == 1
    assert len(observations(run([asked(wire), asked(wire, sport=5556)]))) == 2


def test_broken_messages_keep_what_was_read() -> None:
    wire = answer("a.example.", ("a.example.", "A", SERVER))
    events = run([answered(wire[:-13])])
    assert anomalies(events)[0].reason is Reason.TRUNCATED
    assert [anomaly.reason for anomaly in anomalies(run([asked(b"\x00\x01")]))] == [Reason.TRUNCATED]
    whole = asked(query("a.example.").to_wire() + b"")
    cut = whole._replace(data=whole.data[:-4])
    events = run([cut])
    assert (said(events), anomalies(events)) == ([("dns", "query", "a.example")], [])


@pytest.mark.parametrize("port", [5353, 5355, 137])
def test_local_discovery_is_left_out(port: int) -> None:
    assert run([udp(query("printer.local.").to_wire(), port, port)]) == []


def test_dns_on_another_port() -> None:
    assert said(run([udp(query("a.example.").to_wire(), 5000, 5300)])) == [("dns", "query", "a.example")]
    assert run([udp(b"\x00\x01\x01\x00\x00\x01 no dns at all", 5000, 5300)]) == []


def test_a_question_cut_before_its_type() -> None:
    wire = dns.message.make_query("one.example", "A").to_wire()
    for size in range(1, 5):
        events = run([asked(wire[:-size])])
        assert [(event.name, event.qtype) for event in observations(events)] == [("one.example", None)]
        assert [anomaly.reason for anomaly in anomalies(events)] == [Reason.TRUNCATED]


def test_an_address_of_another_length_keeps_its_owner() -> None:
    wire = bytearray(answer("one.example.", ("two.example.", "A", "192.0.2.1")))
    at = wire.rindex(b"\0\4\xc0\0\2\1")
    wire[at : at + 6] = b"\0\3\xc0\0\2"
    events = run([udp(bytes(wire), 53, 5555, source=RESOLVER, destination=CLIENT)])
    assert [(event.name, event.kind, event.addresses) for event in observations(events)] == [
        ("two.example", Kind.ANSWER, ())
    ]
    assert [anomaly.reason for anomaly in anomalies(events)] == [Reason.BAD_LENGTH]


def test_what_an_update_registers_is_said_and_not_learnt() -> None:
    update = dns.update.UpdateMessage("corp.example")
    update.add("printer", 300, "A", "192.0.2.7")
    update.add("scan", 300, "CNAME", "printer.corp.example.")
    update.delete("old", "AAAA")
    observer = Observer()
    events = run([asked(update.to_wire())], observer)
    assert said(events) == [
        ("dns", "query", "corp.example"),
        ("dns", "cname", "scan.corp.example"),
        ("dns", "answer", "printer.corp.example"),
        ("dns", "answer", "old.corp.example"),
    ]
    assert [observation.attributes.get("in_request") for observation in observations(events)] == [
        None,
        True,
        True,
        True,
    ]
    assert {observation.client.port for observation in observations(events)} == {5555}
    assert not len(observer.answers)
