"""Makes the first inputs of the fuzz corpus from real hellos and messages: ``python tests/fuzz/make_seeds.py``."""

from __future__ import annotations

import gzip
import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from scapy.layers.dns import DNS, DNSQR, DNSRR  # noqa: E402

from tests.fuzz.targets import LINKTYPES  # noqa: E402
from tests.support.datagrams import (  # noqa: E402
    chlo,
    dtls_body,
    dtls_datagrams,
    dtls_fragment,
    dtls_record,
    gquic_packet,
    stream_frame,
)
from tests.support.dialogues import PROXY_1, PROXY_2, PROXY_LOCAL, STARTTLS, socks4, socks5  # noqa: E402
from tests.support.hello import (  # noqa: E402
    Tcp,
    crypto_frame,
    ech_config,
    openssl_hello,
    quic_initial,
    records,
    udp,
    vector,
)
from tests.support.net import enhanced, interface, pcap_bytes, section  # noqa: E402
from tests.support.old_captures import ANALYSERS, erf, netmon  # noqa: E402
from tests.support.wraps import WRAPS, ethernet  # noqa: E402

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
    frames += [udp(datagram, 40002, 4433) for datagram in dtls_datagrams(dtls_body(), [90])]
    frames += [udp(gquic_packet(stream_frame(chlo(pad=60))), 40003, 443)]
    packets = [bytes(frame.data) for frame in frames]
    framed = [ethernet(packet) for packet in packets[:2]]
    request = b"GET http://chat.example/ HTTP/1.1\r\nHost: chat.example:8080\r\n\r\n"
    seeds = {
        "packet": [
            bytes([RAW_IP]) + packets[0],
            b"\0" + framed[0],
            *(
                bytes([LINKTYPES.index(wrap.linktype)]) + wrap.wrap(packets[0])
                for wrap in WRAPS.values()
                if wrap.linktype in LINKTYPES
            ),
        ],
        "dns_message": [query, answer],
        "dns_stream": [struct.pack("!H", len(query)) + query + struct.pack("!H", len(answer)) + answer],
        "client_hello": [hello, openssl_hello(None)],
        "dtls_datagram": [
            dtls_datagrams(dtls_body())[0],
            dtls_record(dtls_fragment(dtls_body(cookie=b"cookie"), 0, 90) + dtls_fragment(dtls_body(), 90, 120)),
        ],
        "gquic_datagram": [gquic_packet(stream_frame(chlo(pad=60)), version) for version in ("Q024", "Q043", "Q046")],
        "gquic_hello": [chlo(pad=60), chlo(None, pad=4)],
        "ech_configs": [vector(2, ech_config(7, b"public.example") * 2)],
        "tls_stream": [records(hello), records(hello, [1, 2, 50])],
        "http_head": [request, b"CONNECT chat.example:443 HTTP/1.1\r\nHost: chat.example:443\r\n\r\n"],
        "http_sieve": [
            request + b"body",
            b"GET /" + b"p" * 2100 + b" HTTP/1.1\nHost:\n chat.example\nHost: b.example\n\n",
        ],
        "http_chunks": [b"5;x=y\r\nhello\r\n12\r\n" + bytes(18) + b"\r\n0\r\nTrailer: x\r\n\r\n"],
        "http2_frames": [
            b"\0\0\0\x04\0\0\0\0\0" + b"\0\0\x0e\x01\x05\0\0\0\x01\x82\x41\x0bone.example",
            bytes.fromhex(
                "000011010500000001828684418cf1e3c2e5f23a6ba0ab90f4ff00000c010500000003828684be5886a8eb10649cbf"
            ),
        ],
        "http_reply": [
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x\r\nbody\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"body", mtime=0),
        ],
        "httpdns_answer": [
            b'{"results":[{"host":"www.example.com","ips":["203.0.113.9"],"type":1,"ttl":57}]}',
            b'{"data":{"www.example.com":{"ttl":57,"ip":["203.0.113.9"],"ipv6":["2001:db8::1"]}},"msg":"ok"}',
            b"www.example.com.:203.0.113.9;203.0.113.8,57-2001:db8::1,60\nimg.example.com.:203.0.113.9,5",
        ],
        "socks_request": [socks4(b"chat.example"), socks5(b"chat.example", methods=b"\0\2", login=True), socks5(None)],
        "proxy_header": [PROXY_1, PROXY_2, PROXY_LOCAL],
        "quic_datagram": [initial],
        "quic_frames": [crypto_frame(0, hello[:60]) + b"\x00\x01" + crypto_frame(60, hello[60:90])],
        "observer": [
            b"".join(_framed(packet) for packet in packets),
            *(_dialogue(b"".join(turns) + hello) for turns in STARTTLS.values()),
            _dialogue(PROXY_2 + socks5(b"chat.example") + hello),
            _dialogue(
                request + b"GET /1/d?host=www.example.com HTTP/1.1\r\nHost: httpdns.aliyuncs.com\r\n\r\n" + request
            ),
        ],
        "capture_file": [
            pcap_bytes(packets[:2], linktype=101),
            section() + interface(101) + enhanced(packets[0]),
            netmon(framed),
            erf(framed),
            *(write(framed) for write in ANALYSERS.values()),
        ],
        "yaml_text": [b"alerts:\n  update_every: 1h\n  suppress:\n    - {client: 192.0.2.0/24, service: x}\n"],
    }
    for target, inputs in seeds.items():
        folder = HERE / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(inputs):
            (folder / f"seed-{number}.bin").write_bytes(data)


def _dialogue(stream: bytes) -> bytes:
    flow = Tcp()
    return b"".join(_framed(bytes(frame.data)) for frame in (*flow.handshake(), *flow.stream(stream, [300])))


def _framed(packet: bytes) -> bytes:
    """One frame as the observer's target cuts it: a length in eights, a link type, the bytes."""
    eights = -(-(len(packet) + 1) // 8)
    return bytes([eights, RAW_IP]) + packet.ljust(eights * 8 - 1, b"\0") if eights < 256 else b""


if __name__ == "__main__":
    main()
