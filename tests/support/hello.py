"""Hellos, segments and QUIC Initials in any shape, for the tests of decode and track."""

from __future__ import annotations

import ssl
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from ipaddress import ip_address

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from egret.decode.quic_keys import VERSION_2, VERSION_2_DRAFT, initial_keys
from egret.model import Anomaly, Connection, Event, Frame, Observation
from egret.track.observer import Observer

CLIENT, SERVER = "192.0.2.10", "198.51.100.20"
CLIENT6, SERVER6 = "2001:db8::10", "2001:db8:1::20"
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
START_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000
RAW_IP = 101


@lru_cache
def openssl_hello(name: str | None, alpn: tuple[str, ...] = ("h2", "http/1.1")) -> bytes:
    """The first bytes a real OpenSSL client sends: one record with one ClientHello."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = context.wrap_bio(received, sent, server_hostname=name)
    with suppress(ssl.SSLWantReadError):
        connection.do_handshake()
    return sent.read()


def vector(width: int, body: bytes) -> bytes:
    return len(body).to_bytes(width, "big") + body


def extension(kind: int, body: bytes) -> bytes:
    return struct.pack("!H", kind) + vector(2, body)


def sni(name: bytes) -> bytes:
    return extension(0, vector(2, b"\x00" + vector(2, name)))


def ech_config(config_id: int, public_name: bytes) -> bytes:
    """One ECHConfig of RFC 9849 section 4."""
    key = vector(2, bytes(32)) + vector(2, b"\x00\x01\x00\x01")
    body = bytes((config_id,)) + b"\x00\x20" + key + b"\x00" + vector(1, public_name) + vector(2, b"")
    return b"\xfe\x0d" + vector(2, body)


def ech_outer(config_id: int) -> bytes:
    """The extension of an outer hello, real or GREASE: nobody without the key can tell."""
    return extension(
        0xFE0D, b"\x00\x00\x01\x00\x01" + bytes((config_id,)) + vector(2, bytes(32)) + vector(2, bytes(144))
    )


def client_hello(
    name: bytes | None = b"chat.qwen.ai", *, extensions: Iterable[bytes] = (), key_share: int = 32, tail: bytes = b""
) -> bytes:
    """A handshake message; *key_share* bytes make it as long as a post-quantum one (1,216)."""
    group = 0x11EC if key_share > 1000 else 0x001D
    parts = [
        *([sni(name)] if name is not None else []),
        extension(43, b"\x04\x03\x04\x03\x03"),
        extension(16, vector(2, b"\x02h2\x08http/1.1")),
        *extensions,
        extension(51, vector(2, struct.pack("!H", group) + vector(2, bytes(key_share)))),
    ]
    body = b"\x03\x03" + bytes(range(32)) + vector(1, bytes(32)) + vector(2, b"\x13\x01\x13\x02") + b"\x01\x00"
    return b"\x01" + vector(3, body + vector(2, b"".join(parts) + tail))


def without_session(hello: bytes) -> bytes:
    """What ``client_hello`` made, with no session's id, as in QUIC."""
    return b"\x01" + vector(3, hello[4:38] + b"\0" + hello[38 + 33 :])


def records(message: bytes, sizes: Sequence[int] = ()) -> bytes:
    """*message* in records of these sizes, the rest in one more."""
    out, position = b"", 0
    for size in [*sizes, len(message)]:
        piece = message[position : position + size]
        position += len(piece)
        if piece:
            out += b"\x16\x03\x01" + vector(2, piece)
    return out


def ip_packet(source: str, destination: str, protocol: int, body: bytes) -> bytes:
    src, dst = ip_address(source).packed, ip_address(destination).packed
    if len(src) == 4:
        return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0, src, dst) + body
    return struct.pack("!IHBB16s16s", 6 << 28, len(body), protocol, 64, src, dst) + body


def frame(data: bytes, at_ns: int = START_NS, *, interface: str | None = "lan0", cut: int | None = None) -> Frame:
    return Frame(at_ns, RAW_IP, memoryview(data[:cut]), len(data), interface)


def udp(
    payload: bytes, sport: int, dport: int, *, source: str = CLIENT, destination: str = SERVER, at_ns: int = START_NS
) -> Frame:
    body = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    return frame(ip_packet(source, destination, 17, body), at_ns)


class Tcp:
    """One TCP connection's frames; sequence numbers are offsets into the client's stream."""

    def __init__(
        self, *, client: str = CLIENT, server: str = SERVER, sport: int = 40000, dport: int = 443, isn: int = 1000
    ) -> None:
        self.client, self.server, self.sport, self.dport, self.isn = client, server, sport, dport, isn
        self.server_isn = 77_000
        self.at_ns = START_NS

    def _frame(self, segment: bytes, *, reverse: bool, interface: str | None, cut: int | None) -> Frame:
        ends = (self.server, self.client) if reverse else (self.client, self.server)
        self.at_ns += 1_000_000
        return frame(ip_packet(*ends, 6, segment), self.at_ns, interface=interface, cut=cut)

    def send(
        self, offset: int, payload: bytes = b"", flags: int = ACK, *, interface: str = "lan0", cut: int | None = None
    ) -> Frame:
        seq = (self.isn + 1 + offset) & 0xFFFFFFFF
        header = struct.pack("!HHIIBBHHH", self.sport, self.dport, seq, 1, 0x50, flags, 8192, 0, 0)
        return self._frame(header + payload, reverse=False, interface=interface, cut=cut)

    def reply(self, offset: int, payload: bytes = b"", flags: int = ACK) -> Frame:
        seq = (self.server_isn + 1 + offset) & 0xFFFFFFFF
        header = struct.pack("!HHIIBBHHH", self.dport, self.sport, seq, 1, 0x50, flags, 8192, 0, 0)
        return self._frame(header + payload, reverse=True, interface="lan0", cut=None)

    def syn(self) -> Frame:
        return self.send(-1, flags=SYN)

    def syn_ack(self) -> Frame:
        return self.reply(-1, flags=SYN | ACK)

    def handshake(self) -> list[Frame]:
        return [self.syn(), self.syn_ack(), self.send(0)]

    def stream(self, data: bytes, sizes: Sequence[int] = ()) -> list[Frame]:
        """*data* in segments of these sizes, the rest in one more."""
        frames, position = [], 0
        for size in [*sizes, len(data)]:
            piece = data[position : position + size]
            if piece:
                frames.append(self.send(position, piece, ACK | PSH))
            position += len(piece)
        return frames


def varint(value: int) -> bytes:
    for width, prefix in ((1, 0), (2, 0x40), (4, 0x80), (8, 0xC0)):
        if value < 1 << (8 * width - 2):
            raw = value.to_bytes(width, "big")
            return bytes((raw[0] | prefix,)) + raw[1:]
    raise ValueError(value)


def crypto_frame(offset: int, data: bytes) -> bytes:
    return b"\x06" + varint(offset) + varint(len(data)) + data


def quic_initial(
    frames: bytes,
    *,
    dcid: bytes = b"\x83\x94\xc8\xf0\x3e\x51\x57\x08",
    scid: bytes = b"",
    version: int = 1,
    number: int = 0,
    key_dcid: bytes | None = None,
    token: bytes = b"",
    server: bool = False,
    size: int = 1200,
    named: bytes | None = None,
) -> bytes:
    """One sealed Initial packet, padded to *size* bytes.

    *key_dcid* is where its keys come from; *named* the version that it says it has.
    """
    keys = initial_keys(dcid if key_dcid is None else key_dcid, version, server=server)
    kind = 1 if version in {VERSION_2, VERSION_2_DRAFT} else 0
    said_version = version.to_bytes(4, "big") if named is None else named
    head = bytes((0xC0 | kind << 4 | 1,)) + said_version + vector(1, dcid) + vector(1, scid)
    head += varint(len(token)) + token
    frames += bytes(max(4, size - len(head) - 2 - 2 - 16 - len(frames)))
    head += struct.pack("!H", 0x4000 | (2 + len(frames) + 16))
    clear = head + number.to_bytes(2, "big")
    nonce = (int.from_bytes(keys.iv, "big") ^ number).to_bytes(12, "big")
    sealed = AESGCM(keys.key).encrypt(nonce, frames, clear)
    # the sample begins four bytes after the start of the packet number, which has two
    mask = Cipher(algorithms.AES(keys.hp), modes.ECB()).encryptor().update(sealed[2:18])
    first = clear[0] ^ (mask[0] & 0x0F)
    masked = bytes(a ^ b for a, b in zip(clear[-2:], mask[1:3], strict=True))
    return bytes((first,)) + clear[1:-2] + masked + sealed


def run(frames: Iterable[Frame], observer: Observer | None = None, *, flush: bool = True) -> list[Event]:
    """Every event that the frames cause, in order."""
    observer = observer or Observer()
    events = [event for one in frames for event in observer.feed(one)]
    return events + (observer.flush() if flush else [])


def observations(events: Iterable[Event]) -> list[Observation]:
    return [event for event in events if isinstance(event, Observation)]


def connections(events: Iterable[Event]) -> list[Connection]:
    return [event for event in events if isinstance(event, Connection)]


def anomalies(events: Iterable[Event]) -> list[Anomaly]:
    return [event for event in events if isinstance(event, Anomaly)]


def said(events: Iterable[Event]) -> list[tuple[str, str, str]]:
    """What was named: protocol, kind, name."""
    return [(o.protocol.value, o.kind.value, o.name) for o in observations(events)]
