"""The canary's frames: three harmless conversations' first packets, made once at the start.

Nothing in them can reach anybody. They are sent on a loopback interface, to a link address that is nobody's: the
kernel shows them to packet sockets as a frame for another host, and its IP drops such frames before it looks at them.
Addresses are of documentation (RFC 5737), the name is under ``invalid`` (RFC 6761 section 6.4).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from egret.alerts.sensor import Probe
from egret.decode.quic_keys import SAMPLE, TAG, VERSION_1, initial_keys
from egret.sources import kernel_filter
from egret.sources.afpacket import RingOptions
from egret.sources.ring import Geometry

NAME = "canary.egret.invalid"
LINK_ADDRESS = b"\x02egret"  # locally administered, unicast: no card has it
CLIENT, SERVER = bytes((192, 0, 2, 201)), bytes((198, 51, 100, 201))
FIRST_PORT, PORTS = 20_000, 40_000  # each probe is a flow of its own
_PORT_AT = 14 + 20
_BLOCK, _BLOCKS, _RETIRE_MS = 1 << 16, 4, 20
_DATAGRAM = 1200  # RFC 9000 section 14.1
_CONNECTION_ID = b"egretnow"


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryPlan:
    """What the opener may send, where, and how the workers' rings there are opened."""

    interface: str
    options: RingOptions
    patience_s: float  # a daemon that asked for no probe for so long hangs
    frames: Mapping[Probe, bytes]


def canary_plan(interface: str, patience_s: float) -> CanaryPlan:
    """Make the frames and choose the ring."""
    geometry = Geometry(block_size=_BLOCK, blocks=_BLOCKS, retire_ms=_RETIRE_MS)
    options = RingOptions(filter=kernel_filter.CANARY, geometry=geometry)
    return CanaryPlan(interface=interface, options=options, patience_s=patience_s, frames=frames())


def frames() -> Mapping[Probe, bytes]:
    """Each probe as an Ethernet frame, from port 0: see ``from_port``."""
    hello = _client_hello(NAME.encode())
    record = b"\x16\x03\x01" + _vector(2, hello)
    return MappingProxyType(
        {
            Probe.DNS: _udp(53, _question(NAME)),
            Probe.TLS: _frame(6, struct.pack("!HHIIBBHHH", 0, 443, 1, 1, 0x50, 0x18, 8192, 0, 0) + record),
            Probe.QUIC: _udp(443, _initial(hello)),
        }
    )


def from_port(frame: bytes, port: int) -> bytes:
    """*frame* from another port of its client's; RFC 768 lets UDP go without a checksum, and nobody looks at TCP's."""
    return frame[:_PORT_AT] + struct.pack("!H", port) + frame[_PORT_AT + 2 :]


def _frame(protocol: int, segment: bytes) -> bytes:
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(segment), 0, 0, 1, protocol, 0, CLIENT, SERVER)
    total = sum(struct.unpack("!10H", header))
    checksum = ~(total + (total >> 16)) & 0xFFFF
    return LINK_ADDRESS + LINK_ADDRESS + b"\x08\x00" + header[:10] + struct.pack("!H", checksum) + header[12:] + segment


def _udp(port: int, payload: bytes) -> bytes:
    return _frame(17, struct.pack("!HHHH", 0, port, 8 + len(payload), 0) + payload)


def _question(name: str) -> bytes:
    """RFC 1035 section 4.1: one question for an A record."""
    labels = b"".join(_vector(1, label.encode()) for label in name.split("."))
    return struct.pack("!6H", 0xE667, 0x0100, 1, 0, 0, 0) + labels + struct.pack("!BHH", 0, 1, 1)


def _client_hello(name: bytes) -> bytes:
    """RFC 8446 section 4.1.2, with the extensions that a client of TLS 1.3 cannot go without."""
    server_name = _vector(2, b"\x00" + _vector(2, name))
    key_share = _vector(2, b"\x00\x1d" + _vector(2, bytes(32)))
    extensions = ((0, server_name), (43, b"\x02\x03\x04"), (51, key_share))
    tail = b"".join(struct.pack("!H", kind) + _vector(2, body) for kind, body in extensions)
    body = b"\x03\x03" + bytes(32) + _vector(1, b"") + _vector(2, b"\x13\x01") + b"\x01\x00" + _vector(2, tail)
    return b"\x01" + _vector(3, body)


def _initial(hello: bytes) -> bytes:
    """A client's first datagram: RFC 9000 section 17.2.2, sealed as RFC 9001 sections 5.3 and 5.4 say."""
    keys = initial_keys(_CONNECTION_ID, VERSION_1)
    start = b"\xc1" + VERSION_1.to_bytes(4) + _vector(1, _CONNECTION_ID) + b"\x00" + b"\x00"
    crypto = b"\x06\x00" + struct.pack("!H", 0x4000 | len(hello)) + hello
    padded = crypto.ljust(_DATAGRAM - len(start) - 2 - 2 - TAG, b"\0")
    header = start + struct.pack("!HH", 0x4000 | (2 + len(padded) + TAG), 0)
    sealed = AESGCM(keys.key).encrypt(keys.iv, padded, header)  # packet number 0 leaves the nonce as it is
    mask = keys.mask(sealed[2 : 2 + SAMPLE])
    number = bytes((mask[1], mask[2]))  # 0, masked
    return bytes((header[0] ^ mask[0] & 0x0F,)) + header[1:-2] + number + sealed


def _vector(width: int, body: bytes) -> bytes:
    return len(body).to_bytes(width) + body
