"""PDUs that Wireshark exported: no frame any more, but tags that say what the bytes are and between whom they went.

A PDU whose transport is known is given back the headers that it lost, so that everything behind reads it like
any other packet. What Wireshark called by a name that carries none of ours is left alone.
Ref: the wiki page Protocols/exported_pdu of the Wireshark project.
"""

from __future__ import annotations

from struct import Struct

from egret.decode.ip import TCP, UDP
from egret.decode.layer import Layer, Space, ip_layer
from egret.decode.link import ETHERNET, cut
from egret.decode.reader import unpack

_TAG = Struct("!HH")
_IPV4 = Struct("!BBHHHBBH4s4s")
_IPV6 = Struct("!IHBB16s16s")
_UDP = Struct("!HHHH")
_TCP = Struct("!HHIIBBHHH")

_END, _DISSECTOR, _HEURISTIC, _TABLE, _TABLE_VALUE = 0, 12, 13, 14, 32
_SOURCE, _DESTINATION, _SOURCE6, _DESTINATION6 = 20, 21, 22, 23
_PORT_TYPE, _SOURCE_PORT, _DESTINATION_PORT, _FRAME_NUMBER, _TCP_DATA = 24, 25, 26, 30, 34
_TRANSPORTS = {2: TCP, 3: UDP}  # its own numbers for kinds of ports

_FRAMES = frozenset({"eth", "eth_withoutfcs", "eth_withfcs", "eth_maybefcs"})
_DATAGRAMS = frozenset({"ip", "ipv4", "ipv6", "raw_ip"})
# What a PDU of that name went over, and where to, if its tags do not say it.
_USUAL = {
    "dns": (UDP, 53),
    "quic": (UDP, 443),
    "gquic": (UDP, 443),
    "dtls": (UDP, 443),
    "udp": (UDP, 0),
    "tls": (TCP, 443),
    "ssl": (TCP, 443),
    "http": (TCP, 80),
    "http2": (TCP, 443),
    "tcp": (TCP, 0),
}
_BARE = {"tcp": TCP, "udp": UDP}  # dissectors: the PDU begins with that header; as tables their users' payload
_PUSHED = 0x18  # ACK and PSH
_MAX_LENGTH = 0xFFFF  # longer ones say 0, as jumbograms and super-packets do
_STEP = 16  # bits of room that a segment without a sequence number gets


def exported_pdu(data: memoryview) -> Layer | None:
    """LINKTYPE_WIRESHARK_UPPER_PDU: tags, an end tag, the PDU."""
    tags, pdu = _split(data)
    name = _text(tags, _DISSECTOR) or _text(tags, _HEURISTIC)
    if name in _FRAMES:
        return Layer(Space.LINKTYPE, ETHERNET, pdu)
    if name in _DATAGRAMS:
        return ip_layer(pdu)
    if name in _BARE:
        return _datagram(tags, _BARE[name], pdu)
    word = (name or _text(tags, _TABLE)).partition(".")[0].partition("_")[0]
    if word not in _USUAL:
        return None
    protocol, port = _USUAL[word]
    protocol = _TRANSPORTS.get(_number(tags, _PORT_TYPE), protocol)
    return _datagram(tags, protocol, _header(tags, protocol, port, len(pdu)) + pdu)


def _split(data: memoryview) -> tuple[dict[int, bytes], memoryview]:
    tags: dict[int, bytes] = {}
    offset = 0
    while True:
        kind, length = unpack(_TAG, data, offset)
        offset += _TAG.size
        if kind == _END:
            return tags, data[offset:]
        rest = cut(data, offset + length)
        tags.setdefault(kind, bytes(data[offset : offset + length]))
        offset = len(data) - len(rest)


def _text(tags: dict[int, bytes], kind: int) -> str:
    return tags.get(kind, b"").rstrip(b"\0").decode("ascii", "replace")


def _number(tags: dict[int, bytes], kind: int, otherwise: int = 0) -> int:
    return int.from_bytes(tags[kind][:4], "big") if kind in tags else otherwise


def _header(tags: dict[int, bytes], protocol: int, port: int, size: int) -> bytes:
    source = _number(tags, _SOURCE_PORT) & 0xFFFF
    destination = _number(tags, _DESTINATION_PORT, _number(tags, _TABLE_VALUE, port)) & 0xFFFF
    if protocol == UDP:
        return _UDP.pack(source, destination, _length(size + _UDP.size), 0)
    return _TCP.pack(source, destination, _sequence(tags), 0, 5 << 4, _PUSHED, 0, 0, 0)


def _sequence(tags: dict[int, bytes]) -> int:
    """As the exporting side counted it, or far enough from the frame before."""
    told = tags.get(_TCP_DATA, b"")
    if len(told) >= 6:
        return int.from_bytes(told[2:6], "big")
    return _number(tags, _FRAME_NUMBER) << _STEP & 0xFFFFFFFF


def _datagram(tags: dict[int, bytes], protocol: int, body: bytes | memoryview) -> Layer:
    source, destination = tags.get(_SOURCE6, b""), tags.get(_DESTINATION6, b"")
    if len(source) == len(destination) == 16:
        head = _IPV6.pack(6 << 28, _length(len(body)), protocol, 64, source, destination)
    else:
        source, destination = tags.get(_SOURCE, b"")[:4], tags.get(_DESTINATION, b"")[:4]
        head = _IPV4.pack(0x45, 0, _length(20 + len(body)), 0, 0, 64, protocol, 0, source, destination)
    return ip_layer(memoryview(head + bytes(body)))


def _length(size: int) -> int:
    return size if size <= _MAX_LENGTH else 0
