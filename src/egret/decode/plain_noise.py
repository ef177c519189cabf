"""Frames that surely hold no TCP and no UDP, and nothing odd: counted where they lie, without an object.

ARP, spanning trees and other talk of the link; pings; what two gateways encrypt between them (ESP), which is bulk.
Where this says yes, ``decode.packet`` finds nothing (tests/property/test_plain_noise.py). ``worker/native/noise.c`` is
the same in C.
"""

from __future__ import annotations

from egret.decode.ip import EXTENSIONS, TCP, UDP
from egret.decode.ip_tunnels import CHECKS, ERRORS, ERRORS6, IP_PROTOCOLS
from egret.decode.link import ETHERNET, ETHERTYPES, IPV4, IPV6, MIN_ETHERTYPE
from egret.decode.plain_ip import carried
from egret.decode.plain_link import Buffer, behind_tags
from egret.decode.tunnel import TUNNEL_ETHERTYPES

UDP_LITE = 136
TYPES = frozenset({*ETHERTYPES, *TUNNEL_ETHERTYPES, IPV4, IPV6})  # what is looked into
PROTOCOLS = frozenset({TCP, UDP, UDP_LITE, *EXTENSIONS, *IP_PROTOCOLS})

_ETHERNET, _LLC = 14, 8  # headers' sizes
_ISL = 0x0C  # the third byte of its addresses
_LLC_USERS = frozenset({0x06, 0xFE, 0xAA})  # IP, ISO's registry, SNAP
_MESSAGES = {1: ERRORS, 58: ERRORS6}  # of ICMP, those that quote
_ESP, _ESP_HEADER, _IN_ESP = 50, 8, frozenset({4, 41})


def frame_is_noise(buffer: Buffer, start: int, end: int, linktype: int) -> bool:
    """Whether there is nothing in the frame at ``buffer[start:end]``, in which ``ip_in`` found no IP."""
    if linktype != ETHERNET or end - start < _ETHERNET:
        return False
    number, at = behind_tags(buffer, start, end)
    if number in {IPV4, IPV6}:
        return packet_is_noise(buffer, at, end)
    if number >= MIN_ETHERTYPE:
        return number not in TYPES
    return buffer[start + 2] != _ISL and end - at >= _LLC and buffer[at] not in _LLC_USERS


def packet_is_noise(buffer: Buffer, at: int, end: int) -> bool:
    """Whether there is nothing in the packet of IP at ``buffer[at:end]``."""
    found = carried(buffer, at, end, 0)
    return found is not None and payload_is_noise(*found, buffer, end)


def payload_is_noise(protocol: int, body: int, length: int, buffer: Buffer, end: int) -> bool:
    """Whether there is nothing in what a packet that ends at *end* carries (``plain_ip.carried``)."""
    if protocol not in PROTOCOLS:
        return True
    stop = min(body + length, end)
    if protocol == _ESP:
        return not _may_be_clear(buffer, body, stop)
    return protocol in _MESSAGES and (body >= stop or buffer[body] not in _MESSAGES[protocol])


def _may_be_clear(buffer: Buffer, body: int, stop: int) -> bool:
    """Whether the last byte but a check may say that IP is in it, not encrypted."""
    return any(stop - check - 2 - body > _ESP_HEADER and buffer[stop - check - 1] in _IN_ESP for check in CHECKS)
