"""TLS and QUIC conversations: hellos in any number of records and frames, and behind any prelude."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any

from tests.support.datagrams import chlo, dtls_body, dtls_datagrams, gquic_packet, stream_frame
from tests.support.dialogues import STARTTLS, socks4, socks5
from tests.support.hello import client_hello, crypto_frame, openssl_hello, quic_initial, records
from tests.support.talk import Make, Makers, Talk, tcp, udp

MAKERS = Makers()


def put(label: str, make: Make) -> None:
    MAKERS[label] = make


def hello(name: str, **options: Any) -> bytes:
    return records(client_hello(name.encode(), **options))


def tls(
    label: str, make: Callable[[str], list[bytes]], port: int = 443, server: list[bytes] | None = None, *names: str
) -> None:
    put(
        label,
        lambda n: tcp(
            port,
            make(f"{n}.tls.example"),
            [("tls", f"{n}.tls.example"), *((k, f"{n}.tls.example") for k in names)],
            server,
        ),
    )


def _behind(said: list[bytes], name: str) -> list[bytes]:
    return [*said, openssl_hello(name)]


tls("tls", lambda name: [openssl_hello(name)])
tls("tls, post-quantum", lambda name: [hello(name, key_share=1216)])
tls("tls, three records", lambda name: [records(client_hello(name.encode()), [50, 60])])
tls("tls, record of one byte", lambda name: [records(client_hello(name.encode()), [1, 2, 1])])
tls("tls, odd port", lambda name: [openssl_hello(name)], 8123)
tls("tls on port 53", lambda name: [openssl_hello(name)], 53)
tls("tls on port 80", lambda name: [openssl_hello(name)], 80)
tls("tls, upper case", lambda name: [hello(name.upper())])
tls("tls, final dot", lambda name: [hello(name + ".")])
tls("tls, port in the name", lambda name: [hello(name + ":443")])
put("tls, empty label", lambda n: tcp(443, [hello(f"a..{n}.tls.example")], [("tls", f"a..{n}.tls.example")]))
put("tls, long label", lambda n: tcp(443, [hello("a" * 70 + f".{n}.example")], [("tls", "a" * 70 + f".{n}.example")]))
tls("tls, hello again", lambda name: [hello(name), hello(name)])
tls("tls, data follows", lambda name: [openssl_hello(name) + b"\x14\x03\x03\0\1\1\x17\x03\x03\0\x20" + bytes(32)])
tls("tls, PROXY header", lambda name: [b"PROXY TCP4 192.0.2.9 198.51.100.9 5000 443\r\n" + openssl_hello(name)])
tls("tls, PROXY header 2", lambda name: [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12) + openssl_hello(name)])
tls("tls, smtp", lambda name: [b"EHLO me\r\n", b"STARTTLS\r\n", openssl_hello(name)], 25, [b"220 x\r\n", b"220 go\r\n"])
tls("tls, imap", lambda name: [b"a1 CAPABILITY\r\n", b"a2 STARTTLS\r\n", openssl_hello(name)], 143, [b"* OK\r\n"])
tls("tls, pop3", lambda name: [b"CAPA\r\n", b"STLS\r\n", openssl_hello(name)], 110, [b"+OK\r\n"])
tls("tls, ftp", lambda name: [b"AUTH TLS\r\n", openssl_hello(name)], 21, [b"220 x\r\n", b"234 go\r\n"])
tls("tls, postgres", lambda name: [b"\0\0\0\x08\x04\xd2\x16\x2f", openssl_hello(name)], 5432, [b"S"])
tls("tls, ldap", lambda name: [b"0\x1d\x02\x01\x01w\x18\x80\x161.3.6.1.4.1.1466.20037", openssl_hello(name)], 389)
tls("tls, xmpp", lambda name: [b"<stream:stream to='x'>", b"<starttls xmlns='urn:x'/>", openssl_hello(name)], 5222)
tls("tls, mysql", lambda name: [b"\x20\0\0\x01\x85\xae\xff\0\0\0\0\x01\x21" + bytes(23), openssl_hello(name)], 3306)
tls(
    "tls, socks 5",
    lambda name: [b"\x05\x01\0", b"\x05\x01\0\x01\xc6\x33\x64\x07\x01\xbb", openssl_hello(name)],
    1080,
    [b"\x05\0"],
)
tls(
    "tls, socks 4",
    lambda name: [b"\x04\x01\x01\xbb\xc6\x33\x64\x07me\0", openssl_hello(name)],
    1080,
    [b"\0\x5a" + bytes(6)],
)
tls(
    "tls, connect",
    lambda name: [f"CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n".encode(), openssl_hello(name)],
    3128,
    [b"HTTP/1.1 200 OK\r\n\r\n"],
    "connect",
)
put("tls, address", lambda n: tcp(443, [hello("192.0.2.1")], []))
put("tls, no name", lambda n: tcp(443, [records(client_hello(None))], []))


@lru_cache
def _quic_hello(name: str, size: int = 32) -> bytes:
    return client_hello(name.encode(), key_share=size)


def quic(label: str, make: Callable[[str, bytes], list[bytes]], port: int = 443) -> None:
    def talk(n: str) -> Talk:
        name = f"{n}.quic.example"
        return udp(port, make(name, (n.encode() * 8)[:8]), [("quic", name)])

    put(f"quic, {label}", talk)


def initial(name: str, dcid: bytes, **options: Any) -> list[bytes]:
    return [quic_initial(crypto_frame(0, _quic_hello(name)), dcid=dcid, **options)]


def _pieces(name: str, sizes: tuple[int, ...], dcid: bytes, order: tuple[int, ...] = ()) -> list[bytes]:
    message = _quic_hello(name, 1216)
    cuts = [0, *sizes, len(message)]
    frames = [crypto_frame(start, message[start:end]) for start, end in pairwise(cuts)]
    return [quic_initial(frames[i], dcid=dcid, number=i) for i in order or range(len(frames))]


for _label, _version in {
    "version 1": 1,
    "version 2": 0x6B3343CF,
    "draft 22": 0xFF000016,
    "draft 27": 0xFF00001B,
    "draft 29": 0xFF00001D,
    "draft 32": 0xFF000020,
    "mvfst": 0xFACEB002,
}.items():
    quic(_label, partial(initial, version=_version))
quic("odd port", initial, 4433)
quic("port 53", initial, 53)
quic("two datagrams", lambda name, dcid: _pieces(name, (900,), dcid))
quic("three datagrams, last first", lambda name, dcid: _pieces(name, (500, 1000), dcid, (2, 1, 0)))
quic(
    "ping first",
    lambda name, dcid: [
        quic_initial(b"\x01", dcid=dcid),
        quic_initial(crypto_frame(0, _quic_hello(name)), dcid=dcid, number=1),
    ],
)
quic(
    "acknowledgement first",
    lambda name, dcid: [quic_initial(b"\x02\0\0\0\0" + crypto_frame(0, _quic_hello(name)), dcid=dcid)],
)
quic(
    "coalesced",
    lambda name, dcid: [
        quic_initial(crypto_frame(0, _quic_hello(name)), dcid=dcid, size=600)
        + quic_initial(b"\x01", dcid=dcid, number=1, size=600)
    ],
)
quic(
    "changed id",
    lambda name, dcid: [
        _pieces(name, (900,), dcid)[0],
        quic_initial(crypto_frame(900, _quic_hello(name, 1216)[900:]), dcid=b"\x99" * 8, key_dcid=dcid, number=1),
    ],
)


@MAKERS.add("quic, crypto in many frames")
def _many_frames(n: str) -> Talk:
    name = f"{n}.quic.example"
    message = _quic_hello(name)
    pieces = [crypto_frame(at, message[at : at + 17]) for at in range(0, len(message), 17)]
    shuffled = [*pieces[1::2], b"\0\1", *pieces[::2]]
    return udp(443, [quic_initial(b"".join(shuffled), dcid=b"frames" + n[-2:].encode().rjust(2))], [("quic", name)])


@MAKERS.add("quic, two connections of one pair")
def _two_connections(n: str) -> Talk:
    names = [f"c{i}.{n}.quic.example" for i in range(2)]
    return udp(443, [initial(name, name.encode()[:8])[0] for name in names], [("quic", name) for name in names])


@MAKERS.add("quic, retry")
def _retry(n: str) -> Talk:
    name, scid = f"{n}.quic.example", b"retryid" + n[-1:].encode()
    retry = b"\xf0\0\0\0\1\0\x08" + scid + b"token" + bytes(16)
    first = initial(name, b"original")[0]
    second = quic_initial(crypto_frame(0, _quic_hello(name)), dcid=scid, token=b"token", number=1)
    return udp(443, [first, second], [("quic", name)], [retry])._replace(in_turn=True)


# --- what hides a hello, and hellos of another kind

for _label, _said in STARTTLS.items():
    tls(f"tls behind {_label}", partial(_behind, list(_said)), 2525)


def _dtls(n: str, cuts: tuple[int, ...] = (), size: int = 32) -> Talk:
    name = f"{n}.dtls.example"
    return udp(4433, dtls_datagrams(dtls_body(name.encode(), key_share=size), cuts), [("dtls", name)])


put("dtls", _dtls)
put("dtls on port 53", lambda n: _dtls(n)._replace(port=53))
put("dtls, post-quantum in three fragments", partial(_dtls, cuts=(500, 900), size=1216))


@MAKERS.add("gquic, Q043")
def _gquic(n: str) -> Talk:
    name = f"{n}.quic.example"
    return udp(
        443, [gquic_packet(stream_frame(chlo(name.encode())), cid=n.encode().rjust(8, b"-")[:8])], [("quic", name)]
    )


@MAKERS.add("socks 5 with a name")
def _socks5(n: str) -> Talk:
    name = f"{n}.socks.example"
    hello_name = f"in.{n}.tls.example"
    asked = socks5(name.encode())
    return tcp(
        1080, [asked[:3], asked[3:], openssl_hello(hello_name)], [("connect", name), ("tls", hello_name)], [b"\x05\0"]
    )


@MAKERS.add("socks 4a with a name")
def _socks4(n: str) -> Talk:
    name = f"{n}.socks.example"
    return tcp(1080, [socks4(name.encode())], [("connect", name)], [b"\0\x5a" + bytes(6)])
