"""Every shape, by its name."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from bench.shaping import datagrams as udp
from bench.shaping import lookups as dns
from bench.shaping import streams as tcp
from bench.shaping import wraps
from bench.shaping.frames import Frames, taking_turns
from bench.workloads import browsing, mix, quic, tls
from bench.workloads import dns as plain

Make = Callable[[random.Random], Frames]


class Shape(NamedTuple):
    """Frames, and the file that they are in."""

    make: Make
    form: str = "pcap"
    snap: int | None = None


def daily(chance: random.Random) -> Frames:
    """Bulk, and what browsers begin with, half and half."""
    return taking_turns((mix(chance), 17), (browsing(chance), 17))


def web(chance: random.Random) -> Frames:
    return tcp.woven_of(tcp.web)(chance)


def _asked(make: dns.Make, *, option: bytes = b"", mixed: bool = False) -> Make:
    return lambda chance: dns.asked(make, chance, option=option, mixed=mixed)


def _wrapped(wrap: wraps.Wrap, make: Make = daily) -> Make:
    return lambda chance: wraps.each(wrap, make(chance))


def _calls(payload: Callable[[random.Random], bytes], sport: int | None = None, dport: int | None = None) -> Make:
    return lambda chance: udp.calls(chance, payload, sport, dport)


def _strangers(payload: Callable[[random.Random], bytes], sport: int | None = None, dport: int | None = None) -> Make:
    return lambda chance: udp.strangers(chance, payload, sport, dport)


_LOOKUPS: dict[str, Make] = {
    "dns": plain,
    "dns of 20 addresses": _asked(dns.many),
    "dns 0x20": _asked(dns.one, mixed=True),
    "dns cookie": _asked(dns.one, option=dns.COOKIE),
    "dns padding": _asked(dns.one, option=dns.PADDING),
    "dns subnet": _asked(dns.one, option=dns.SUBNET),
    "dns referrals": _asked(dns.referred),
    "dns signed": _asked(dns.signed),
    "dns nxdomain": _asked(dns.denied),
    "dns mx txt srv": _asked(dns.other),
    "dns truncated": _asked(dns.cut),
    "dns ptr": dns.reverse,
    "dns tcp": dns.over_tcp,
    "dns truncated, tcp": lambda chance: dns.over_tcp(chance, after_udp=True),
    "dns in fragments": dns.in_fragments,
    "mdns": lambda chance: dns.local(chance, 5353, 0xE00000FB),
    "llmnr": lambda chance: dns.local(chance, 5355, 0xE00000FC),
    "netbios": lambda chance: dns.local(chance, 137, 0xC00002FF),
}
_DATAGRAMS: dict[str, Make] = {
    "rtp": _calls(udp.rtp),
    "stun": _strangers(udp.stun, None, 3478),
    "webrtc dtls": _calls(udp.dtls_data),
    "wireguard": _calls(udp.wireguard, None, 51820),
    "games": _calls(udp.game),
    "torrent utp": _calls(udp.utp),
    "torrent dht": _strangers(udp.dht),
    "ntp": _strangers(udp.ntp, 123, 123),
    "ipsec nat-t": _calls(udp.nat_esp, 4500, 4500),
    "vpn on 443": _calls(udp.game, None, 443),
    "games on 3478": _calls(udp.game, None, 3478),
    "bulk on 4789": _calls(udp.game, None, 4789),
    "esp": udp.esp,
    "ping": udp.ping,
    "icmp errors": udp.unreachable,
    "arp": udp.arp,
    "igmp stp": udp.groups,
    "ssdp dhcp": udp.discovery,
    "fragments": udp.fragments,
    "fragments v6": udp.fragments_six,
    "quic": quic,
    "quic early data": udp.early,
    "quic bulk, migrated": udp.long_bulk,
    "quic retry": udp.told_to_retry,
    "quic v2": udp.version_two,
    "quic scrambled": udp.scrambled,
}
_HELLOS = {
    "in 3 segments": tcp.in_three,
    "in 3 records": tcp.in_records,
    "resumed": tcp.resumed,
    "unordinary": tcp.unordinary,
    "nameless": tcp.nameless,
    "late name": tcp.late_name,
    "sslv2": tcp.old,
}
_STREAMS: dict[str, Make] = {
    "tls": tls,
    "web": web,
    "web in turn": tcp.in_turn(tcp.web),
    "web 5 % disturbed": lambda chance: wraps.disturbed(web(chance), chance, 0.02),
    "hello out of order": tcp.woven_of(tcp.out_of_order, tcp.in_three),
    "hello sent again": tcp.woven_of(tcp.sent_again, tcp.in_three),
    "early data": tcp.woven_of(tcp.early, tcp.resumed),
    "handshake only": tcp.woven_of(tcp.handshake_only),
    "keep-alive": tcp.woven_of(tcp.kept_alive),
    "keep-alive, unsaid": tcp.woven_of(tcp.kept_idle),
    "pushes": tcp.woven_of(tcp.pushed),
    "upload": tcp.woven_of(tcp.uploaded),
    "smtp starttls": tcp.woven_of(tcp.smtp),
    "ssh": tcp.woven_of(tcp.ssh),
    "mysql": tcp.woven_of(tcp.mysql),
    "ftp": tcp.woven_of(tcp.ftp),
    "smb": tcp.woven_of(tcp.smb),
    "rdp": tcp.woven_of(tcp.rdp),
    "postgres": tcp.woven_of(tcp.postgres),
    "torrent tcp": tcp.woven_of(tcp.torrent),
    "443 not tls": tcp.woven_of(tcp.unknown),
    "short messages": tcp.woven_of(tcp.messages),
    "http connect": tcp.woven_of(tcp.proxied),
    "socks": tcp.woven_of(tcp.socks),
    "jumbo frames": tcp.woven_of(tcp.jumbo),
    "syn scan": tcp.scanned,
    "syn flood": tcp.flooded,
    "resets": tcp.reset,
    **{f"hello {name}": tcp.woven_of(tcp.web, hello) for name, hello in _HELLOS.items()},
    "dot": tcp.woven_of(lambda chance, hello: tcp.web(chance, hello, 2_000, 853)),
}
_LINKS: dict[str, Make] = {
    "daily": daily,
    "v6 dns": _wrapped(wraps.six, plain),
    "v6 tls": _wrapped(wraps.six, tls),
    "v6 web": _wrapped(wraps.six, web),
    "v6 daily": _wrapped(wraps.six),
    "v6 options": _wrapped(wraps.with_options),
    "vlan": _wrapped(wraps.tagged(0x8100)),
    "qinq": _wrapped(wraps.tagged(0x88A8, 0x8100)),
    "mpls": _wrapped(wraps.mpls),
    "pppoe": _wrapped(wraps.pppoe),
    "gre": _wrapped(wraps.gre),
    "erspan": _wrapped(wraps.erspan),
    "ipip": _wrapped(wraps.ip_in_ip),
    "6in4": _wrapped(wraps.six_in_four),
    "vxlan": _wrapped(wraps.vxlan),
    "gtp-u": _wrapped(wraps.gtp),
    "ethernet trailers": _wrapped(wraps.with_trailer),
    "tso without length": _wrapped(wraps.without_length, web),
    "ip options": _wrapped(wraps.with_ip_options),
    "clients only": lambda chance: wraps.one_way(daily(chance), up=True),
    "servers only": lambda chance: wraps.one_way(daily(chance), up=False),
    "web, clients only": lambda chance: wraps.one_way(web(chance), up=True),
    "web, servers only": lambda chance: wraps.one_way(web(chance), up=False),
}
SHAPES: dict[str, Shape] = {
    **{name: Shape(make) for name, make in (_LOOKUPS | _DATAGRAMS | _STREAMS | _LINKS).items()},
    "snap 96": Shape(daily, snap=96),
    "snap 128": Shape(daily, snap=128),
    "snap 262": Shape(daily, snap=262),
    "web, snap 96": Shape(web, snap=96),
    "pcapng": Shape(daily, "pcapng"),
    "pcapng comments": Shape(daily, "pcapng with comments"),
}
