"""Community ID, version 1: one spelling of a flow, the same in every monitor that saw it.

Ref: the Community ID flow hashing specification, version 1 (corelight/community-id-spec), TCP and UDP, seed 0.
"""

from __future__ import annotations

import hashlib
from binascii import b2a_base64

from egret.model import Connection, Endpoint, FlowKey, Observation, Protocol, Transport

Flow = tuple[Transport, Endpoint, Endpoint]  # as ``FlowKey``, which is made when somebody asks
_DATAGRAMS = frozenset({Protocol.DNS, Protocol.QUIC, Protocol.DTLS})  # where the observation does not say
_PROTOCOLS = {Transport.TCP: 6, Transport.UDP: 17}  # IANA protocol numbers


def community_id(flow: FlowKey, seed: int = 0) -> str:
    """Spell *flow*; both directions have one spelling.

    Args:
        flow: addresses packed, both of one family.
        seed: 0 to 65535; two monitors agree only if their seeds do.
    """
    low, high = sorted((flow.source, flow.destination))  # by address, then port, in network byte order
    data = b"".join(
        (
            seed.to_bytes(2, "big"),
            low.ip,
            high.ip,
            bytes((_PROTOCOLS[flow.transport], 0)),  # padded to a multiple of four bytes
            _port(low),
            _port(high),
        )
    )
    digest = hashlib.sha1(data, usedforsecurity=False).digest()
    return f"1:{b2a_base64(digest, newline=False).decode('ascii')}"


def flow_of(seen: Observation | Connection) -> Flow:
    """The flow that *seen* tells of, from its client to its server."""
    if isinstance(seen, Connection):
        return seen.transport, seen.client, seen.server
    named = seen.attributes.get("transport")
    datagrams = named == "udp" or (named is None and seen.protocol in _DATAGRAMS)
    return Transport.UDP if datagrams else Transport.TCP, seen.client, seen.server


def _port(end: Endpoint) -> bytes:
    return end.port.to_bytes(2, "big")
