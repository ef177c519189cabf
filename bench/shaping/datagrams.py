"""What goes over UDP and other protocols besides look-ups, and QUIC in rarer shapes."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

from bench.shaping.frames import AT_ONCE, Call, Frames, ip, noise
from bench.workloads import _ACKED, SMALL, _handshake_packet, quic_bulk, quic_connections, tcp_segment, udp_datagram
from egret.decode.quic_keys import VERSION_2
from tests.support.hello import client_hello, crypto_frame, quic_initial

_BROADCAST = b"\xff" * 6 + bytes.fromhex("020000000001")


def calls(
    chance: random.Random, payload: Callable[[random.Random], bytes], sport: int | None = None, dport: int | None = None
) -> Frames:
    """Some hundred pairs that go on for long."""
    pairs = [Call(chance, sport, dport) for _ in range(AT_ONCE)]
    while True:
        pair = chance.choice(pairs)
        yield (pair.up if chance.random() < 0.5 else pair.down)(payload(chance))


def strangers(
    chance: random.Random, payload: Callable[[random.Random], bytes], sport: int | None = None, dport: int | None = None
) -> Frames:
    """A question and an answer between two ends, and never again."""
    while True:
        pair = Call(chance, sport, dport)
        yield pair.up(payload(chance))
        yield pair.down(payload(chance))


def rtp(chance: random.Random) -> bytes:
    return b"\x80\x60" + struct.pack("!HII", chance.randrange(65536), 7, 9) + noise(chance, 160)


def stun(chance: random.Random) -> bytes:
    return b"\0\1\0\x08\x21\x12\xa4\x42" + chance.randbytes(12) + b"\x80\x22\0\4abcd"


def dtls_data(chance: random.Random) -> bytes:
    return b"\x17\xfe\xfd\0\1" + bytes(6) + b"\0\x64" + noise(chance, 100)


def wireguard(chance: random.Random) -> bytes:
    return b"\4\0\0\0" + noise(chance, 1_276)


def game(chance: random.Random) -> bytes:
    return chance.randbytes(chance.randrange(20, 120))


def utp(chance: random.Random) -> bytes:
    return b"\1\0" + chance.randbytes(18) + noise(chance, 1_300)


def dht(chance: random.Random) -> bytes:
    return b"d1:ad2:id20:" + chance.randbytes(20) + b"9:info_hash20:" + chance.randbytes(20) + b"e1:q9:get_peers1:y1:qe"


def ntp(chance: random.Random) -> bytes:
    return b"\x23\0\6\xec" + chance.randbytes(44)


def nat_esp(chance: random.Random) -> bytes:
    return b"\0\0\1\7" + noise(chance, 1_200)


def esp(chance: random.Random) -> Frames:
    while True:
        yield ip(SMALL.client(chance), SMALL.server("", chance), 50, noise(chance, 1_200))


def ping(chance: random.Random) -> Frames:
    while True:
        ends = SMALL.client(chance), SMALL.server("", chance)
        body = chance.randbytes(4) + bytes(56)
        yield ip(*ends, 1, b"\x08\0\0\0" + body)
        yield ip(*ends[::-1], 1, b"\0\0\0\0" + body)


def unreachable(chance: random.Random) -> Frames:
    """Errors that quote a segment."""
    while True:
        client, server = SMALL.client(chance), SMALL.server("", chance)
        quoted = tcp_segment(client, server, chance.randrange(20_000, 60_000), 1, 2)[14:42]
        yield ip(server, client, 1, b"\3\1\0\0\0\0\0\0" + quoted)


def arp(chance: random.Random) -> Frames:
    while True:
        who, whom = SMALL.client(chance).to_bytes(4), SMALL.client(chance).to_bytes(4)
        yield _BROADCAST + b"\x08\x06\0\1\x08\0\6\4\0\1" + _BROADCAST[6:] + who + bytes(6) + whom + bytes(18)


def groups(chance: random.Random) -> Frames:
    """IGMP, and what switches say to each other."""
    while True:
        yield ip(SMALL.client(chance), 0xE0000016, 2, b"\x22\0\0\0\0\0\0\1\4\0\0\0\xe0\0\0\xfb")
        yield bytes.fromhex("0180c2000000020000000001") + b"\0\x26\x42\x42\3" + bytes(43)


def discovery(chance: random.Random) -> Frames:
    """SSDP, and leases of addresses."""
    search = (
        b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n'
    )
    while True:
        yield udp_datagram(SMALL.client(chance), 0xEFFFFFFA, chance.randrange(20_000, 60_000), 1900, search)
        yield udp_datagram(SMALL.client(chance), 0xC0000201, 68, 67, b"\1\1\6\0" + chance.randbytes(4) + bytes(240))


def fragments(chance: random.Random) -> Frames:
    """Datagrams of 4 KB in three."""
    while True:
        pair = Call(chance)
        body = struct.pack("!HHHH", *pair.ports, 8 + 4_000, 0) + noise(chance, 4_000)
        identity = chance.randrange(65536)
        for at in range(0, len(body), 1_448):
            more = 0x2000 if at + 1_448 < len(body) else 0
            yield ip(*pair.ends, 17, body[at : at + 1_448], identity=identity, fragment=more | at // 8)


def fragments_six(chance: random.Random) -> Frames:
    """The same over IPv6."""
    head = bytes.fromhex("20010db8000000000000ffff")
    while True:
        pair = Call(chance)
        body = struct.pack("!HHHH", *pair.ports, 8 + 4_000, 0) + noise(chance, 4_000)
        identity = chance.randbytes(4)
        source, destination = (head + end.to_bytes(4) for end in pair.ends)
        for at in range(0, len(body), 1_440):
            piece = body[at : at + 1_440]
            where = struct.pack("!BBH", 17, 0, at | (at + 1_440 < len(body))) + identity
            fixed = struct.pack("!IHBB", 6 << 28, 8 + len(piece), 44, 64)
            yield bytes(12) + b"\x86\xdd" + fixed + source + destination + where + piece


# QUIC.


def early(chance: random.Random) -> Frames:
    """With early data behind the hello, in its datagram and in others."""
    for (client, server, port), datagrams in quic_connections(chance):
        dcid, scid = datagrams[0][48:56], b""
        sealed = b"\xd1\0\0\0\1\x08" + dcid + bytes([len(scid)]) + b"\x44\x00" + chance.randbytes(1_024)
        yield datagrams[0]
        for _ in range(3):
            yield udp_datagram(client, server, port, 443, sealed)
        yield from datagrams[1:]


def long_bulk(chance: random.Random) -> Frames:
    """A hundred datagrams behind each beginning; halfway the client is elsewhere."""
    for (client, server, port), datagrams in quic_connections(chance):
        yield from datagrams
        for number in range(100):
            ends = client, server, port if number < 50 else port ^ 1
            yield quic_bulk(*ends, chance, back=chance.random() < 0.8)


def told_to_retry(chance: random.Random) -> Frames:
    """The client is told to come again with a token."""
    while True:
        client, server, port = SMALL.client(chance), SMALL.server("", chance), chance.randrange(20_000, 60_000)
        first, second, token = chance.randbytes(8), chance.randbytes(8), chance.randbytes(60)
        hello = crypto_frame(0, client_hello(b"w%d.site.example" % chance.randrange(1_000)))
        yield udp_datagram(client, server, port, 443, quic_initial(hello, dcid=first))
        retry = b"\xf0\0\0\0\1\0\x08" + second + token + chance.randbytes(16)
        yield udp_datagram(server, client, 443, port, retry)
        again = quic_initial(hello, dcid=second, number=1, token=token)
        yield udp_datagram(client, server, port, 443, again)
        back = quic_initial(_ACKED, dcid=b"", scid=second, key_dcid=second, server=True, size=180)
        sealed = back + _handshake_packet(b"", second, chance.randbytes(1_000))
        yield udp_datagram(server, client, 443, port, sealed)


def version_two(chance: random.Random) -> Frames:
    while True:
        client, server, port = SMALL.client(chance), SMALL.server("", chance), chance.randrange(20_000, 60_000)
        dcid, scid = chance.randbytes(8), chance.randbytes(8)
        hello = crypto_frame(0, client_hello(b"w%d.site.example" % chance.randrange(1_000)))
        yield udp_datagram(client, server, port, 443, quic_initial(hello, dcid=dcid, version=VERSION_2))
        back = quic_initial(_ACKED, dcid=b"", scid=scid, key_dcid=dcid, server=True, size=1_200, version=VERSION_2)
        yield udp_datagram(server, client, 443, port, back)
        for _ in range(3):
            yield quic_bulk(client, server, port, chance, back=True, size=1_200)


def scrambled(chance: random.Random) -> Frames:
    """As Chromium sends them: a hello of two Initials in many frames out of order, with PINGs and padding between."""
    while True:
        client, server, port = SMALL.client(chance), SMALL.server("", chance), chance.randrange(20_000, 60_000)
        dcid, scid = chance.randbytes(8), chance.randbytes(8)
        hello = client_hello(b"w%d.site.example" % chance.randrange(1_000), key_share=1216)
        cuts = sorted(chance.sample(range(1, len(hello)), 9))
        pieces = [crypto_frame(at, hello[at:end]) for at, end in zip([0, *cuts], [*cuts, len(hello)], strict=True)]
        chance.shuffle(pieces)
        datagrams = [b""]
        for piece in pieces:
            if len(datagrams[-1]) + len(piece) > 1_100:
                datagrams.append(b"")
            datagrams[-1] += piece + b"\1" + bytes(chance.randrange(8))
        for number, frames in enumerate(datagrams):
            yield udp_datagram(client, server, port, 443, quic_initial(frames, dcid=dcid, number=number, size=1_250))
        back = quic_initial(_ACKED, dcid=b"", scid=scid, key_dcid=dcid, server=True, size=180)
        yield udp_datagram(server, client, 443, port, back + _handshake_packet(b"", scid, chance.randbytes(1_000)))
        for _ in range(3):
            yield quic_bulk(client, server, port, chance, back=True, size=1_200)
