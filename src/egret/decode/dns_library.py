"""The door to dnspython: service bindings, and types that are seldom asked for.

Imported for the first message that needs it, for it takes a seventh of a start; who gives up rights has it before
(``cli/late.py``). Ref: RFC 9460 (SVCB and HTTPS).
"""

from __future__ import annotations

import ipaddress

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.svcbbase as svcb

from egret import names
from egret.decode.dns import Service


def read_binding(rtype: int, data: bytes) -> tuple[str, Service]:
    """Target and service of the data of an SVCB or HTTPS record.

    Raises:
        ValueError: it is malformed.
    """
    try:
        kind = dns.rdatatype.RdataType.make(rtype)
        found = dns.rdata.from_wire(dns.rdataclass.IN, kind, data, 0, len(data))
    except dns.exception.DNSException as error:
        raise ValueError(str(error)) from None
    if isinstance(found, svcb.SVCBBase):
        return names.canonical(found.target.labels[:-1]), _service(found)
    raise ValueError(f"dnspython reads type {rtype} as {type(found).__name__}")


def _service(data: svcb.SVCBBase) -> Service:
    alpn: tuple[str, ...] = ()
    addresses: list[bytes] = []
    ech = None
    for value in data.params.values():
        if isinstance(value, svcb.ALPNParam):
            alpn = tuple(identifier.decode("latin-1") for identifier in value.ids)
        elif isinstance(value, svcb.IPv4HintParam | svcb.IPv6HintParam):
            addresses += [_packed(address) for address in value.addresses]
        elif isinstance(value, svcb.ECHParam):
            ech = value.ech
    return Service(data.priority, alpn, tuple(addresses), ech)


def _packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def type_text(number: int) -> str:
    """A record type as text: ``NSEC3``, ``TYPE65400``."""
    return dns.rdatatype.to_text(dns.rdatatype.RdataType.make(number))
