"""DNS conversations: questions and answers of every kind, over UDP and TCP."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from scapy.layers.dns import DNS, DNSQR, DNSRR, DNSRROPT, DNSRRSRV
from scapy.packet import Packet

from tests.support.talk import Make, Makers, Talk, tcp, udp

MAKERS = Makers()


def put(label: str, make: Make) -> None:
    MAKERS[label] = make


def wire(*labels_: bytes) -> bytes:
    """A name on the wire, of any bytes."""
    return b"".join(bytes([len(one)]) + one for one in labels_) + b"\0"


def question(name: str, qtype: str = "A", **header: Any) -> bytes:
    return bytes(DNS(id=len(name), rd=1, qd=DNSQR(qname=name, qtype=qtype), **header))


def raw_question(name: bytes, *, flags: int = 0x0100, qtype: int = 1) -> bytes:
    return struct.pack("!HHHHHH", 9, flags, 1, 0, 0, 0) + name + struct.pack("!HH", qtype, 1)


def answer(asked: str, an: Sequence[Packet], ns: Sequence[Packet] = (), ar: Sequence[Packet] = ()) -> bytes:
    question_ = [DNSQR(qname=asked)]
    message = DNS(id=len(asked), qr=1, rd=1, ra=1, qd=question_, an=list(an), ns=list(ns), ar=list(ar))
    return bytes(message)


def a(owner: str) -> DNSRR:
    return DNSRR(rrname=owner, type="A", ttl=60, rdata="203.0.113.7")


def aaaa(owner: str) -> DNSRR:
    return DNSRR(rrname=owner, type="AAAA", ttl=60, rdata="2001:db8::7")


def alias(owner: str, target: str, kind: str = "CNAME") -> DNSRR:
    return DNSRR(rrname=owner, type=kind, ttl=60, rdata=target)


def asking(label: str, asked: str, qtype: str = "A", **header: Any) -> None:
    def make(n: str) -> Talk:
        name = asked.replace("NAME", n)
        return udp(53, [question(name, qtype, **header)], [("query", name.lower())])

    MAKERS[label] = make


for _type in ("A", "AAAA", "TXT", "ALL", "PTR", "HTTPS"):
    asking(f"dns {_type}", "NAME.dns.example", _type)
asking("dns upper case", "NAME.DNS.Example")
asking("dns underscore", "_x._tcp.NAME.example")
asking("dns idn", "xn--bcher-kva.NAME.example")
asking("dns one label", "NAMEx")
asking("dns update", "NAME.zone.example", "SOA", opcode=5)
asking("dns notify", "NAME.zone.example", "SOA", opcode=4)
put(
    "dns trailing bytes",
    lambda n: udp(53, [question(f"{n}.dns.example") + b"\0\0rubbish"], [("query", f"{n}.dns.example")]),
)
put("dns root", lambda n: udp(53, [raw_question(b"\0", qtype=2)], []))


@MAKERS.add("dns edns")
def _edns(n: str) -> Talk:
    message = DNS(id=3, rd=1, qd=DNSQR(qname=f"{n}.dns.example"), ar=[DNSRROPT(rclass=4096)])
    return udp(53, [bytes(message)], [("query", f"{n}.dns.example")])


@MAKERS.add("dns two questions")
def _two(n: str) -> Talk:
    body = b"".join(wire(part, n.encode(), b"example") + b"\0\1\0\1" for part in (b"one", b"two"))
    names = [("query", f"one.{n}.example"), ("query", f"two.{n}.example")]
    return udp(53, [struct.pack("!HHHHHH", 9, 0x100, 2, 0, 0, 0) + body], names)


@MAKERS.add("dns answer with chain")
def _chain(n: str) -> Talk:
    asked, middle, last = f"{n}.dns.example", f"{n}.cdn.example", f"{n}.edge.example"
    message = answer(asked, [alias(asked, middle), alias(middle, last), a(last), aaaa(last)])
    names = [("query", asked), ("cname", asked), ("cname", middle), ("answer", last)]
    return udp(53, [question(asked)], names, [message])


@MAKERS.add("dns answer without question")
def _no_question(n: str) -> Talk:
    owner = f"{n}.dns.example"
    message = bytes(DNS(id=7, qr=1, qd=[], an=[a(owner)]))
    return udp(53, [question(owner)], [("query", owner), ("answer", owner)], [message])


@MAKERS.add("dns DNAME")
def _dname(n: str) -> Talk:
    asked = f"www.{n}.old.example"
    record = bytes(wire(n.encode(), b"old", b"example")) + struct.pack("!HHIH", 39, 1, 60, 0)
    target = wire(n.encode(), b"new", b"example")
    record = record[:-2] + struct.pack("!H", len(target)) + target
    message = bytearray(question(asked)) + record
    message[2:4], message[6:8] = b"\x81\x80", b"\0\1"
    return udp(53, [question(asked)], [("query", asked), ("cname", f"{n}.old.example")], [bytes(message)])


@MAKERS.add("dns SRV with additional addresses")
def _srv(n: str) -> Talk:
    asked, host = f"_xmpp._tcp.{n}.example", f"host.{n}.example"
    service = DNSRRSRV(rrname=asked, target=host, port=5222, ttl=60)
    return udp(
        53,
        [question(asked, "SRV")],
        [("query", asked), ("answer", host)],
        [answer(asked, [service], ar=[a(host), aaaa(host)])],
    )


@MAKERS.add("dns referral with glue")
def _glue(n: str) -> Talk:
    zone, host = f"{n}.zone.example", f"ns1.{n}.zone.example"
    message = answer(zone, [], ns=[DNSRR(rrname=zone, type="NS", rdata=host)], ar=[a(host)])
    return udp(53, [question(zone, "NS")], [("query", zone), ("answer", host)], [message])


@MAKERS.add("dns over tcp")
def _tcp_dns(n: str) -> Talk:
    asked = f"{n}.dns.example"
    pair = [question(asked), answer(asked, [a(asked)])]
    framed = [struct.pack("!H", len(one)) + one for one in pair]
    return tcp(53, framed[:1], [("query", asked), ("answer", asked)], framed[1:])


@MAKERS.add("dns over tcp, ten messages")
def _tcp_many(n: str) -> Talk:
    asked = [f"m{i}.{n}.dns.example" for i in range(10)]
    sent = b"".join(struct.pack("!H", len(one)) + one for one in map(question, asked))
    return tcp(53, [sent], [("query", one) for one in asked])


@MAKERS.add("dns zone transfer")
def _axfr(n: str) -> Talk:
    zone = f"{n}.zone.example"
    owners = [f"h{i}.{n}.zone.example" for i in range(40)]
    parts = [answer(zone, [a(owner) for owner in owners[i : i + 10]]) for i in range(0, 40, 10)]
    sent = struct.pack("!H", len(question(zone, "AXFR"))) + question(zone, "AXFR")
    stream = b"".join(struct.pack("!H", len(part)) + part for part in parts)
    return tcp(53, [sent], [("query", zone), *(("answer", owner) for owner in owners)], [stream])


@MAKERS.add("dns on another port")
def _other_port(n: str) -> Talk:
    asked = f"{n}.dns.example"
    return udp(5300, [question(asked)], [("query", asked), ("answer", asked)], [answer(asked, [a(asked)])])


@MAKERS.add("dns over tcp on another port")
def _tcp_other_port(n: str) -> Talk:
    asked = f"{n}.dns.example"
    pair = [question(asked), answer(asked, [a(asked)])]
    framed = [struct.pack("!H", len(one)) + one for one in pair]
    return tcp(5300, framed[:1], [("query", asked), ("answer", asked)], framed[1:])


@MAKERS.add("dns odd bytes")
def _odd(n: str) -> Talk:
    asked = struct.pack("!HHHHHH", 1, 0x100, 1, 0, 0, 0) + wire(b"a_b*!", n.encode(), b"example") + b"\0\1\0\1"
    return udp(53, [asked], [("query", f"a_b*!.{n}.example")])


@MAKERS.add("dns mail exchange")
def _mail(n: str) -> Talk:
    asked, host = f"{n}.dns.example", f"mx.{n}.dns.example"
    target = wire(b"mx", n.encode(), b"dns", b"example")
    message = bytearray(question(asked, "MX") + b"\xc0\x0c" + struct.pack("!HHIHH", 15, 1, 60, 2 + len(target), 10))
    message += target + target + struct.pack("!HHIH4s", 1, 1, 60, 4, b"\xcb\0\x71\x07")
    message[2:4], message[6:8], message[10:12] = b"\x81\x80", b"\0\1", b"\0\1"
    return udp(53, [question(asked, "MX")], [("query", asked), ("answer", host)], [bytes(message)])


for _kind in ("mDNS", "LLMNR"):

    def _local(n: str, port: int = {"mDNS": 5353, "LLMNR": 5355}[_kind]) -> Talk:
        return udp(port, [question(f"{n}.local")], [])

    MAKERS[_kind] = _local
