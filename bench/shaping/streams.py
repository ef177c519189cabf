"""TCP in all shapes but plain HTTP and the middle of connections."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import chain, repeat

from bench.shaping.frames import FIN, RST, Frames, Talk, noise, woven
from bench.workloads import ACK, PSH, SYN, WIDE, _extended, _greased, _hello, _post_quantum
from tests.support.hello import client_hello, extension, records

_RECORD = 16_384


_made = lru_cache(_hello)


class Hellos:
    """Hellos of a hundred names."""

    def __init__(self, chance: random.Random, shape: Callable[[bytes], bytes] = bytes) -> None:
        self.names = [f"w{rank}.site{rank % 97}.example" for rank in range(100)]
        self._hellos = [shape(_greased(_made(name), chance)) for name in self.names]

    def any(self, chance: random.Random) -> bytes:
        return chance.choice(self._hellos)


def app_data(chance: random.Random, size: int) -> bytes:
    """Records of encrypted bytes."""
    return b"".join(
        b"\x17\x03\x03" + struct.pack("!H", len(piece)) + piece
        for piece in (noise(chance, min(_RECORD, size - at)) for at in range(0, size, _RECORD))
    )


def server_flight(chance: random.Random) -> bytes:
    """ServerHello, a change of ciphers, and the certificates in the dark."""
    hello = b"\x02\0\0\x56\x03\x03" + chance.randbytes(32) + b"\x20" + chance.randbytes(32) + b"\x13\x01\0\0\x0e"
    hello += b"\0\x2b\0\2\3\4\0\x33\0\4\0\x1d\0\0"
    record = b"\x16\x03\x03" + struct.pack("!H", len(hello)) + hello
    return record + b"\x14\x03\x03\0\1\1" + app_data(chance, 3_200)


_FINISHED = b"\x14\x03\x03\0\1\1"


def web(chance: random.Random, hello: bytes, size: int = 30_000, port: int = 443) -> Frames:
    """A TLS connection as it is in life: from its SYN to its FIN, with acknowledgements."""
    talk = Talk(chance, port)
    yield from talk.opened()
    yield from talk.says(hello)
    yield from talk.hears(server_flight(chance))
    yield from talk.says(_FINISHED + app_data(chance, 53) + app_data(chance, 400))
    for number, frame in enumerate(talk.hears(app_data(chance, size))):
        yield frame
        if number % 2:
            yield talk.up()
    yield from talk.ended()


def said(chance: random.Random, *lines: bytes, port: int, size: int = 0) -> Frames:
    """A connection in which the client and the server take turns, the server first, and *size* bytes in the end."""
    talk = Talk(chance, port)
    yield from talk.opened()
    for number, line in enumerate(lines):
        yield from (talk.says if number % 2 else talk.hears)(line) if line else ()
    for number in range(0, size, 1400):
        yield talk.down(noise(chance, 1400)) if number % 4200 else talk.up(noise(chance, 100))
    yield from talk.ended()


def smtp(chance: random.Random, hello: bytes) -> Frames:
    lines = b"220 mx.example ESMTP\r\n", b"EHLO client.example\r\n", b"250-mx.example\r\n250 STARTTLS\r\n"
    return said(chance, *lines, b"STARTTLS\r\n", b"220 Go ahead\r\n", hello, server_flight(chance), port=25, size=6_000)


def ssh(chance: random.Random, _none: bytes) -> Frames:
    banner = b"SSH-2.0-OpenSSH_9.2p1\r\n"
    offer = struct.pack("!IBB", 1_084, 7, 20) + chance.randbytes(1_078)
    return said(chance, banner, banner, offer, offer, noise(chance, 400), noise(chance, 48), port=22, size=20_000)


def mysql(chance: random.Random, _none: bytes) -> Frames:
    greeting = b"\x4a\0\0\0\x0a8.0.36\0" + chance.randbytes(66)
    query = b"\x15\0\0\0\x03SELECT * FROM orders"
    return said(
        chance, greeting, b"\x20\0\0\1" + chance.randbytes(32), b"\7\0\0\2" + bytes(7), query, port=3306, size=9_000
    )


def ftp(chance: random.Random, _none: bytes) -> Frames:
    talked = b"220 ready\r\n", b"USER a\r\n", b"331 ok\r\n", b"PASS b\r\n", b"230 in\r\n", b"PASV\r\n", b"227 (1,2)\r\n"
    return said(chance, *talked, b"RETR file\r\n", b"150 now\r\n", port=21)


def smb(chance: random.Random, _none: bytes) -> Frames:
    head = b"\0\0\0\xe8\xfeSMB\x40" + bytes(100) + chance.randbytes(120)
    return said(chance, b"", head, head, head, head, head, head, port=445, size=20_000)


def rdp(chance: random.Random, hello: bytes) -> Frames:
    asked = b"\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0"
    return said(chance, b"", asked, asked, hello, server_flight(chance), _FINISHED, port=3389, size=20_000)


def postgres(chance: random.Random, hello: bytes) -> Frames:
    return said(chance, b"", b"\0\0\0\x08\x04\xd2\x16\x2f", b"S", hello, server_flight(chance), port=5432, size=9_000)


def torrent(chance: random.Random, _none: bytes) -> Frames:
    greeting = b"\x13BitTorrent protocol" + bytes(8) + chance.randbytes(40)
    return said(chance, b"", greeting, greeting, port=chance.randrange(10_000, 60_000), size=20_000)


def unknown(chance: random.Random, _none: bytes) -> Frames:
    """On the port of TLS, and none."""
    return said(chance, b"", noise(chance, 300), noise(chance, 900), noise(chance, 200), port=443, size=20_000)


def messages(chance: random.Random, _none: bytes) -> Frames:
    """A little protocol of one's own, in which both say many short things."""
    return said(chance, b"", *(b"\2" + chance.randbytes(20) for _ in range(40)), port=9_000)


def early(chance: random.Random, hello: bytes) -> Frames:
    """A hello with early data behind it."""
    return web(chance, hello + app_data(chance, 600))


def proxied(chance: random.Random, hello: bytes) -> Frames:
    request = b"CONNECT w1.site1.example:443 HTTP/1.1\r\nHost: w1.site1.example:443\r\n\r\n"
    ok = b"HTTP/1.1 200 Connection established\r\n\r\n"
    return said(chance, b"", request, ok, hello, server_flight(chance), _FINISHED, port=3128, size=20_000)


def socks(chance: random.Random, hello: bytes) -> Frames:
    name = b"w1.site1.example"
    asked = b"\5\1\0\3" + bytes([len(name)]) + name + b"\1\xbb"
    lines = b"", b"\5\1\0", b"\5\0", asked, b"\5\0\0\1" + bytes(6)
    return said(chance, *lines, hello, server_flight(chance), _FINISHED, port=1080, size=20_000)


def out_of_order(chance: random.Random, hello: bytes) -> Frames:
    """The second segment of a hello comes before the first."""
    talk = Talk(chance)
    yield from talk.opened()
    yield from reversed(list(talk.says(hello)))
    yield from talk.hears(server_flight(chance))
    yield from talk.says(_FINISHED + app_data(chance, 500))
    yield from talk.hears(app_data(chance, 6_000))
    yield from talk.ended()


def sent_again(chance: random.Random, hello: bytes) -> Frames:
    """The first segment of a hello comes twice."""
    talk = Talk(chance)
    yield from talk.opened()
    begun = talk.next_up
    pieces = list(talk.says(hello))
    yield talk.up(hello[:1400], at=begun)
    yield from pieces
    yield from talk.hears(server_flight(chance) + app_data(chance, 6_000))
    yield from talk.ended()


def handshake_only(chance: random.Random, _none: bytes) -> Frames:
    talk = Talk(chance)
    yield from talk.opened()
    yield from talk.ended()


def _asked_whether_alive(talk: Talk) -> Frames:
    for _ in range(60):
        yield talk.up(b"\0", at=talk.next_up - 1 & 0xFFFFFFFF)
        yield talk.down()


def kept_alive(chance: random.Random, hello: bytes) -> Frames:
    """A connection in which nothing is said for long: a byte again and again, and its acknowledgement."""
    talk = Talk(chance)
    yield from talk.opened()
    yield from talk.says(hello)
    yield from talk.hears(server_flight(chance))
    yield from _asked_whether_alive(talk)


def kept_idle(chance: random.Random, _none: bytes) -> Frames:
    """The same of one that never said anything."""
    talk = Talk(chance, 5222)
    yield from talk.opened()
    yield from _asked_whether_alive(talk)


def pushed(chance: random.Random, hello: bytes) -> Frames:
    """A long poll: small records, both ways."""
    talk = Talk(chance)
    yield from talk.opened()
    yield from talk.says(hello)
    yield from talk.hears(server_flight(chance))
    for _ in range(40):
        yield from talk.says(app_data(chance, 60))
        yield from talk.hears(app_data(chance, 90))
    yield from talk.ended()


def uploaded(chance: random.Random, hello: bytes) -> Frames:
    """A backup: the client sends, the server acknowledges."""
    talk = Talk(chance)
    yield from talk.opened()
    yield from talk.says(hello)
    yield from talk.hears(server_flight(chance))
    for number, frame in enumerate(talk.says(_FINISHED + app_data(chance, 60_000))):
        yield frame
        if number % 2:
            yield talk.down()
    yield from talk.ended()


def scanned(chance: random.Random) -> Frames:
    """SYNs to many ports, refused."""
    while True:
        talk = Talk(chance, chance.randrange(1, 65536), network=WIDE)
        yield talk.up(flags=SYN)
        yield talk.down(flags=RST | ACK)


def flooded(chance: random.Random) -> Frames:
    """SYNs that nobody answers."""
    while True:
        yield Talk(chance, network=WIDE).up(flags=SYN)


def reset(chance: random.Random) -> Frames:
    """Resets of connections that nobody knows."""
    while True:
        talk = Talk(chance, network=WIDE)
        yield talk.down(flags=RST)
        yield talk.up(flags=RST | ACK)


def jumbo(chance: random.Random, hello: bytes) -> Frames:
    """As cards put segments together: up to 64 KB a frame."""
    talk = Talk(chance)
    yield from talk.opened()
    yield from talk.says(hello, 9_000)
    yield from talk.hears(server_flight(chance), 65_000)
    for _ in range(3):
        yield talk.up(app_data(chance, 400), ACK | PSH)
        yield from talk.hears(app_data(chance, 190_000), 65_000)
        yield talk.up()
    yield talk.up(flags=FIN | ACK)


# Hellos.


def in_records(hello: bytes) -> bytes:
    return records(hello[5:], (100, 200))


def in_three(hello: bytes) -> bytes:
    return _post_quantum(_post_quantum(hello))


def resumed(hello: bytes) -> bytes:
    """With a ticket, which must come last."""
    identity = struct.pack("!H", 192) + bytes(range(192)) + bytes(4)
    binder = b"\x30" + bytes(48)
    return _extended(hello, 41, struct.pack("!H", len(identity)) + identity + struct.pack("!H", len(binder)) + binder)


def unordinary(hello: bytes) -> bytes:
    """With extensions that nobody knows."""
    for kind in (0x1A1A, 17_613, 27, 0x4A4A):
        hello = _extended(hello, kind, b"\0\x03\x02h2")
    return hello


def nameless(_: bytes) -> bytes:
    return records(client_hello(None))


def late_name(hello: bytes) -> bytes:
    """Its name behind everything else."""
    del hello
    return records(client_hello(None, extensions=[extension(0, b"\0\x0f\0\0\x0cw7.site.test")], key_share=1216))


def old(_: bytes) -> bytes:
    """As SSL 2 began."""
    ciphers = b"\0\0\x2f\0\0\x35\0\0\x0a"
    body = b"\1\3\1" + struct.pack("!HHH", len(ciphers), 0, 16) + ciphers + bytes(range(16))
    return struct.pack("!H", 0x8000 | len(body)) + body


Say = Callable[[random.Random, bytes], Iterator[bytes]]


def woven_of(say: Say, shape: Callable[[bytes], bytes] = bytes) -> Callable[[random.Random], Frames]:
    """Connections of that kind, many at a time."""

    def make(chance: random.Random) -> Frames:
        hellos = Hellos(chance, shape)
        return woven(chance, lambda: say(chance, hellos.any(chance)))

    return make


def in_turn(say: Say, shape: Callable[[bytes], bytes] = bytes) -> Callable[[random.Random], Frames]:
    """One after the other."""

    def make(chance: random.Random) -> Frames:
        hellos = Hellos(chance, shape)
        return chain.from_iterable(say(chance, hellos.any(chance)) for _ in repeat(None))

    return make
