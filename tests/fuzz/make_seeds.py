"""Makes the first inputs of the fuzz corpus from real hellos and messages: ``python tests/fuzz/make_seeds.py``."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from scapy.layers.dns import DNS, DNSQR, DNSRR  # noqa: E402

from tests.support.hello import Tcp, crypto_frame, openssl_hello, quic_initial, records, udp  # noqa: E402
from tests.support.net import enhanced, interface, pcap_bytes, section  # noqa: E402

RAW_IP = 3  # the index of link type 101 in tests.fuzz.targets.LINKTYPES


def main() -> None:
    hello = openssl_hello("chat.example")
    query = bytes(DNS(id=7, qd=DNSQR(qname="chat.example")))
    answers = DNSRR(rrname="chat.example", type="CNAME", rdata="far.example") / DNSRR(
        rrname="far.example", rdata="203.0.113.9"
    )
    answer = bytes(DNS(id=7, qr=1, qd=DNSQR(qname="chat.example"), an=answers, ancount=2))
    initial = quic_initial(crypto_frame(0, hello))
    flow = Tcp()
    frames = [*flow.handshake(), *flow.stream(records(hello), [300])]
    frames += [udp(query, 40000, 53), udp(initial, 40001, 443)]
    packets = [bytes(frame.data) for frame in frames]
    request = b"GET http://chat.example/ HTTP/1.1\r\nHost: chat.example:8080\r\n\r\n"
    seeds = {
        "packet": [bytes([RAW_IP]) + packets[0], bytes([0]) + bytes(12) + b"\x08\x00" + packets[0]],
        "dns_message": [query, answer],
        "dns_stream": [struct.pack("!H", len(query)) + query + struct.pack("!H", len(answer)) + answer],
        "client_hello": [hello, openssl_hello(None)],
        "tls_stream": [records(hello), records(hello, [1, 2, 50])],
        "http_head": [request, b"CONNECT chat.example:443 HTTP/1.1\r\nHost: chat.example:443\r\n\r\n"],
        "quic_datagram": [initial],
        "quic_frames": [crypto_frame(0, hello[:60]) + b"\x00\x01" + crypto_frame(60, hello[60:90])],
        "observer": [b"".join(_framed(packet) for packet in packets)],
        "capture_file": [pcap_bytes(packets[:2], linktype=101), section() + interface(101) + enhanced(packets[0])],
        "yaml_text": [b"alerts:\n  update_every: 1h\n  suppress:\n    - {client: 192.0.2.0/24, service: x}\n"],
    }
    for target, inputs in seeds.items():
        folder = HERE / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(inputs):
            (folder / f"seed-{number}.bin").write_bytes(data)


def _framed(packet: bytes) -> bytes:
    """One frame as the observer's target cuts it: a length in eights, a link type, the bytes."""
    eights = -(-(len(packet) + 1) // 8)
    return bytes([eights, RAW_IP]) + packet.ljust(eights * 8 - 1, b"\0") if eights < 256 else b""


if __name__ == "__main__":
    main()
