"""Link types whose headers differ by vendor, card or release, or stand nowhere: IP is looked for behind them.

An IPv4 header proves itself by its checksum, an IPv6 header by its length; what passes is not there by chance.
The few with a layout that everybody agrees on are read by it.
Ref: www.tcpdump.org/linktypes.html; DOCSIS MULPI section 6.2; Linux Documentation/networking/dsa.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from egret.decode.layer import Decoder, Layer, Space, Table, ip_layer
from egret.decode.link import ETHERNET, by_ethertype, cisco_hdlc, cut, ethernet, llc, openbsd_enc
from egret.decode.old_links import frame_relay
from egret.decode.reader import unpack
from egret.errors import Truncated

_NEAR, _FAR = 64, 256  # bytes in which IP must begin: a few fixed fields; variable ones as well
_IPV4_SIZE, _IPV6_SIZE = 20, 40
_LENGTHS = Struct("!2xH6xH")
_IPV6_LENGTH = Struct("!4xHB")
_STARTS = frozenset({0, 4, 6, 17, 41, 43, 44, 60})  # next headers behind which a name may be
_NO_OPTIONS = 0x45
_TRAILER = 16  # checksums and padding that a link may add
_DOCSIS = Struct("!BB")
_DOCSIS_FIXED, _DOCSIS_KIND = 6, 0xC0
_SLIP_HEADER = 16


def find_ip(data: memoryview, limit: int = _NEAR) -> Layer | None:
    """The first IP datagram that begins within *limit* bytes; None where there is none."""
    for offset in range(min(limit, len(data) - _IPV4_SIZE) + 1):
        version = data[offset] >> 4
        if (version == 4 and _is_ipv4(data[offset:])) or (version == 6 and _is_ipv6(data[offset:])):
            return ip_layer(data[offset:])
    return None


def _is_ipv4(data: memoryview) -> bool:
    size = (data[0] & 0x0F) * 4
    total, checksum = _LENGTHS.unpack_from(data)
    if not _IPV4_SIZE <= size <= min(total, len(data)):
        return False
    if checksum == 0:  # left to the card
        return data[0] == _NO_OPTIONS and data[9] in _STARTS and 0 <= len(data) - int(total) <= _TRAILER
    found = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, size, 2))
    return (found & 0xFFFF) + (found >> 16) == 0xFFFF


def _is_ipv6(data: memoryview) -> bool:
    if len(data) < _IPV6_SIZE:
        return False
    length, following = _IPV6_LENGTH.unpack_from(data)
    rest = len(data) - _IPV6_SIZE - int(length)
    return following in _STARTS and 0 <= rest <= _TRAILER and length > 0


def _far(data: memoryview) -> Layer | None:
    return find_ip(data, _FAR)


def _atm(data: memoryview) -> Layer | None:
    """RFC 2684: behind an LLC header, or with a circuit of its own and none."""
    try:
        return llc(data) or find_ip(data)
    except Truncated:
        return find_ip(data)


def _slip(data: memoryview) -> Layer:
    """BSD's direction and compressed header go first; Linux and others write the datagram alone."""
    return ip_layer(cut(data, _SLIP_HEADER) if len(data) and data[0] >> 4 == 0 else data)


def _docsis(data: memoryview) -> Layer | None:
    """A frame control, a length of the extended header, a length and a checksum; then Ethernet."""
    control, extended = unpack(_DOCSIS, data)
    if control & _DOCSIS_KIND:
        return None
    return ethernet(cut(data, _DOCSIS_FIXED + (extended if control & 1 else 0)))


def _behind(size: int, decoder: Decoder) -> Decoder:
    """What *decoder* reads, behind *size* bytes that are of no use."""
    return lambda data: decoder(cut(data, size))


def _switch_tag(size: int) -> Callable[[memoryview], Layer]:
    """A switch's own tag of *size* bytes between the addresses and the EtherType."""

    def read(data: memoryview) -> Layer:
        return by_ethertype(int.from_bytes(cut(data, 12 + size)[:2], "big"), cut(data, 14 + size))

    return read


def _framed(data: memoryview) -> Layer:
    return Layer(Space.LINKTYPE, ETHERNET, data)


_JUNIPER = (*range(130, 138), 164, 167, 168, *range(178, 182), 183, 184, 194, 200, 232, 233, 238)
# Xerox, AX.25, BSD/OS, ATM on Linux, SmartEdge, firewalls, IOS, Bluetooth networks, GPRS, WiMAX, framing procedures,
# multilink frame relay, SITA, fibre channel, ATSC
_SEARCHED = (2, 3, 15, 16, 17, 18, 19, 32, 99, 102, 103, 106, 118, 121, 169, 170, 171, 172, 173, 182, 187, 188, 196)
_SEARCHED_TOO = (201, 202, 224, 225, 289)
_SEARCHED_FAR = (273, 279, 280)  # DOCSIS 3.1 with its instrument's tags, automotive recorders, VPP's traces

VENDOR_LINKTYPES: Table = {
    **dict.fromkeys((*_SEARCHED, *_SEARCHED_TOO), find_ip),
    **dict.fromkeys((*_JUNIPER, *_SEARCHED_FAR), _far),
    8: _slip,
    11: _atm,
    13: openbsd_enc,
    100: _atm,
    112: cisco_hdlc,
    143: _docsis,
    205: _behind(1, cisco_hdlc),
    206: _behind(1, frame_relay),
    226: _behind(24, ip_layer),  # Solaris IPNET
    241: _behind(12, _framed),  # netANALYZER with the preamble
    259: _behind(8, _framed),  # EPON: a preamble with the logical link
    274: _behind(8, _framed),  # IEEE 802.3br: a preamble with its kind
    281: _switch_tag(4),
    282: _behind(4, _framed),
    284: _switch_tag(4),
    285: _switch_tag(8),
}
