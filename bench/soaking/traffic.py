"""Real packets at a steady pace: look-ups, TLS and QUIC hellos of flagged and of ordinary names, out of one end of a
veth pair. Who named what, and when, is kept: it is the first column of the account."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from typing import NamedTuple

from bench.workloads import ACK, PSH, SYN, tcp_segment, udp_datagram
from egret.settings.catalogue import load_catalog
from tests.support.hello import crypto_frame, openssl_hello, quic_initial

NAMES = (
    "chat.qwen.ai",
    "dashscope.aliyuncs.com",
    "www.deepseek.com",
    "api.deepseek.com",
    "kimi.moonshot.cn",
    "www.doubao.com",
    "yiyan.baidu.com",
    "oapi.dingtalk.com",
    "www.aliyun.com",
)
ORDINARY = ("www.example.org", "cdn.example.net", "mail.example.com")
CLIENTS = 40  # 192.0.2.1 and on
STEP_S = 0.05
_CLIENT, _SERVER, _RESOLVER = 0xC0000200, 0xCB007100, 0xC6336435  # 192.0.2.0, 203.0.113.0, 198.51.100.53
_BUSY = 1.1  # how unevenly the clients use the services: some incidents last, most open and close


class Pair(NamedTuple):
    """Who uses what."""

    client: str
    signature: str


class Sent(NamedTuple):
    """One flow whose name is flagged."""

    time_s: float  # Unix
    pair: Pair


class Sender(threading.Thread):
    """Sends until stopped; ``sent`` grows.

    Args:
        interface: the far end of the watched one.
        flagged: flows a second whose name is flagged.
        ordinary: and of those that Egret must not say anything about.
        seed: of what is sent.
    """

    def __init__(self, interface: str, flagged: float, ordinary: float, seed: int) -> None:
        super().__init__(daemon=True)
        self.sent: list[Sent] = []
        self.ordinary = 0
        self._rates = {True: flagged, False: ordinary}
        self._chance = random.Random(seed)
        catalog = load_catalog()
        found = [(name, catalog.match_name(name)) for name in NAMES]
        rows = [(name, match.signature.id, number) for name, match in found if match for number in range(1, CLIENTS)]
        self._chance.shuffle(rows)
        self._flows = rows
        self._weights = [1 / (1 + place) ** _BUSY for place in range(len(rows))]
        self._flow = 0
        self._go, self._still, self._end = threading.Event(), threading.Event(), threading.Event()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._socket.bind((interface, 0))

    def run(self) -> None:
        due = dict.fromkeys(self._rates, 0.0)
        before = time.monotonic()
        while not self._end.is_set():
            if not self._go.is_set():
                self._still.set()
                self._go.wait(1.0)
                before = time.monotonic()
                continue
            time.sleep(STEP_S)
            now = time.monotonic()
            for is_flagged, rate in self._rates.items():
                due[is_flagged] += (now - before) * rate
                while due[is_flagged] >= 1:
                    due[is_flagged] -= 1
                    self._send(is_flagged=is_flagged)
            before = now

    def resume(self) -> None:
        self._still.clear()
        self._go.set()

    def pause(self) -> None:
        """Nothing is sent when this returns."""
        self._go.clear()
        self._still.wait()

    def stop(self) -> None:
        self._end.set()
        self._go.set()
        if self.ident:
            self.join()
        self._socket.close()

    def _send(self, *, is_flagged: bool) -> None:
        name, signature, number = self._chance.choices(self._flows, self._weights)[0]
        if not is_flagged:
            name, number = self._chance.choice(ORDINARY), self._chance.randrange(1, CLIENTS)
        self._flow += 1
        for frame in _frames(name, _CLIENT | number, self._flow, self._chance):
            self._socket.send(frame)
        if is_flagged:
            self.sent.append(Sent(time.time(), Pair(f"192.0.2.{number}", signature)))
        else:
            self.ordinary += 1


def _frames(name: str, client: int, flow: int, chance: random.Random) -> list[bytes]:
    """The first packets of one flow; no two flows have the same ends, until 40,000 later."""
    port, server = 20_000 + flow % 40_000, _SERVER | chance.randrange(1, 255)
    kind = chance.random()
    if kind < 0.4:
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
        question = struct.pack("!6H", flow & 0xFFFF, 0x100, 1, 0, 0, 0) + labels + b"\0\1\0\1"
        return [udp_datagram(client, _RESOLVER, port, 53, question)]
    hello = openssl_hello(name)
    if kind < 0.85:
        start = chance.randrange(1 << 31)
        handshake = tcp_segment(client, server, port, start, SYN)
        return [handshake, tcp_segment(client, server, port, start + 1, ACK | PSH, hello)]
    initial = quic_initial(crypto_frame(0, hello[5:]), dcid=chance.randbytes(8))
    return [udp_datagram(client, server, port, 443, initial)]
