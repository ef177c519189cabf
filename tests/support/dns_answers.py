"""DNS answers as large services give them: aliases, several addresses, service bindings, and none at all."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import dns.flags
import dns.message
import dns.name
import dns.rrset

from bench import workloads

_A = ("203.0.113.7", "203.0.113.8")
_BINDING = '1 . alpn="h3,h2" ipv4hint=203.0.113.7,203.0.113.8 ipv6hint=2001:db8::7'
_ECH = "AEX+DQBBpQAgACBKQ3cBaRA5C2lWhBDlXkk5HvOoUzEI3C6GmQkKM2E4GAAEAAEAAQASY2xvdWRmbGFyZS1lY2guY29tAAA="
_SIGNATURE = "A 8 2 60 20300101000000 20250101000000 7 example. " + "c2lnbmVk" * 40

# What is asked for, and the records that come: owner (of "" what was asked for), type, data.
_SHAPES: Sequence[tuple[str, Sequence[tuple[str, str, str]]]] = (
    ("A", [("", "A", _A[0])]),
    ("A", [("", "A", each) for each in _A]),
    ("AAAA", [("", "AAAA", "2001:db8::1")]),
    ("A", [("", "CNAME", "edge.cdn.example."), ("edge.cdn.example.", "A", _A[0]), ("edge.cdn.example.", "A", _A[1])]),
    (
        "A",
        [
            ("", "CNAME", "x.cdn.example."),
            ("x.cdn.example.", "CNAME", "Y.cdn.example."),
            ("y.cdn.example.", "A", _A[0]),
        ],
    ),
    ("AAAA", [("", "CNAME", "edge.cdn.example.")]),
    ("A", [("", "CNAME", "chat.qwen.ai."), ("chat.qwen.ai.", "A", _A[0])]),
    ("A", [("", "A", _A[0]), ("other.example.", "A", _A[1])]),
    ("A", [("odd\\003.example.", "A", _A[0])]),
    ("A", [("", "CNAME", "odd\\046dot.example."), ("odd\\046dot.example.", "A", _A[0])]),
    ("HTTPS", [("", "HTTPS", _BINDING)]),
    ("HTTPS", [("", "HTTPS", f"{_BINDING} ech={_ECH}")]),
    ("HTTPS", [("", "HTTPS", '2 svc.example. alpn="h2" port=8443'), ("", "HTTPS", "3 . mandatory=port port=1")]),
    ("HTTPS", [("", "HTTPS", "0 alias.example.")]),
    ("HTTPS", [("", "CNAME", "edge.cdn.example."), ("edge.cdn.example.", "HTTPS", _BINDING)]),
    ("HTTPS", []),
    ("AAAA", []),
    ("TXT", [("", "TXT", "words")]),
    ("MX", [("", "MX", "10 mail.example."), ("mail.example.", "A", _A[0]), ("mail2.example.", "AAAA", "2001:db8::1")]),
    ("PTR", [("", "PTR", "host.example.")]),
    ("SRV", [("", "SRV", "0 5 443 host.example."), ("chat.qwen.ai.", "A", _A[0])]),
    ("A", [("", "NS", "ns1.example."), ("ns1.example.", "A", _A[0]), ("ns1.example.", "AAAA", "2001:db8::1")]),
    ("A", [(f"ns{number}.example.", "A", _A[0]) for number in range(9)]),
    ("A", [("", "A", _A[0]), ("", "RRSIG", _SIGNATURE)]),
    ("A", [("", "NSEC", "b.example. A RRSIG"), ("odd\\003.example.", "TXT", "words")]),
    ("A", [("", "DNAME", "elsewhere.example."), ("", "A", _A[0])]),
)


def _response(name: str, shape: tuple[str, Sequence[tuple[str, str, str]]], chance: random.Random) -> bytes:
    qtype, records = shape
    question = dns.message.make_query(name, qtype, use_edns=chance.random() < 0.5, id=chance.randrange(65536))
    answer = dns.message.make_response(question)
    answer.flags |= dns.flags.RA
    for owner, rtype, data in records:
        answer.answer.append(dns.rrset.from_text(owner or f"{name}.", chance.choice((1, 300)), "IN", rtype, data))
    if not records:
        zone = dns.name.from_text(name).parent()
        answer.authority.append(dns.rrset.from_text(zone, 60, "IN", "SOA", f"ns.{zone} host.{zone} 1 2 3 4 5"))
    if chance.random() < 0.2:
        answer.additional.append(dns.rrset.from_text("ns.example.", 60, "IN", "A", _A[1]))
    return answer.to_wire()


def answers(seed: int = 7, each: int = 2, mutate: Callable[[bytes], bytes] = bytes) -> list[bytes]:
    """Frames of answers of each shape, to clients of the benchmark's network, in a fixed order."""
    chance, found = random.Random(seed), []
    for shape in [*_SHAPES] * each:
        name = chance.choice(("www.site7.example", "a.b.example", "chat.qwen.ai", "Mixed.Case.example", "w1.example"))
        wire = mutate(_response(name, shape, chance))
        client, port = workloads.SMALL.client(chance), chance.randrange(20_000, 60_000)
        found.append(workloads.udp_datagram(workloads.SMALL.resolver, client, 53, port, wire))
    return found
