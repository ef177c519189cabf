"""What is fuzzed: each target takes any bytes and gives a value or a DecodeError (or SourceError), nothing else."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from egret.decode import dns, dtls, ech, gquic, http, http2, http_stream, httpdns, ja4, proxy_header, quic, socks, tls
from egret.decode.packet import MAX_BUNDLED, MAX_HEADERS, Beside, decode_packet
from egret.decode.quic_keys import KNOWN_VERSIONS, initial_keys
from egret.errors import ConfigErrors, DecodeError, SourceError
from egret.model import Frame, Observation, Protocol
from egret.settings import positions
from egret.sources.files import open_capture
from egret.track.observer import Observer

LINKTYPES = (1, 0, 12, 101, 105, 108, 113, 127, 228, 229, 276, 239, 252, 143, 178, 100, 8, 197, 107, 9, 284)


def _frame(data: bytes) -> Frame:
    linktype = LINKTYPES[data[0] % len(LINKTYPES)] if data else 1
    return Frame(1, linktype, memoryview(data[1:]), max(0, len(data) - 1))


def packet(data: bytes) -> None:
    beside: list[Beside] = []
    decode_packet(_frame(data), None, beside)
    assert len(beside) <= MAX_BUNDLED * MAX_HEADERS


def dns_message(data: bytes) -> None:
    message = dns.parse_message(data)
    for record in message.records:
        assert record.owner.isascii()


def dns_stream(data: bytes) -> None:
    _, consumed = dns.split_stream(data)
    assert 0 <= consumed <= len(data)


def client_hello(data: bytes) -> None:
    for carrier, datagram in ((Protocol.TLS, False), (Protocol.DTLS, True)):
        with suppress(DecodeError):
            fingerprint = ja4.fingerprint(tls.parse_client_hello(data, datagram=datagram), carrier)
            assert fingerprint is None or len(fingerprint) == len("t13d1516h2_8daaf6152771_e5627efa2ab1")


def dtls_datagram(data: bytes) -> None:
    read = dtls.parse_datagram(data, dtls.hello_start(data) or 0)
    for fragment in read.fragments:
        assert fragment.offset + len(fragment.data) <= fragment.length
        with suppress(DecodeError):
            tls.parse_client_hello(dtls.message(fragment.data, fragment.length), datagram=True)


def gquic_datagram(data: bytes) -> None:
    for version in (gquic.Q043, gquic.Q050):
        gquic.parse_frames(data, version)
    if gquic.begins_clear(data):
        gquic.parse_clear(data, cut=True)
        gquic.parse_clear(data)


def gquic_hello(data: bytes) -> None:
    assert 8 <= gquic.chlo_length(data) <= tls.MAX_HELLO
    gquic.parse_chlo(data)


def ech_configs(data: bytes) -> None:
    for config in ech.parse_config_list(data):
        assert config.public_name.isascii()
        assert config.public_name.isprintable()


def tls_stream(data: bytes) -> None:
    tls.read_hello(data)
    tls.read_hello(data, final=True)


def http_head(data: bytes) -> None:
    http.parse_request_head(data)
    head = http.parse_request_head(data, final=True)
    query = head and httpdns.parse_query(head, b"\xcb\x6b\x01\x01")
    for name in query.names if query else ():
        assert name.isascii()
        assert name.isprintable()


def http2_frames(data: bytes) -> None:
    session, at = http2.Session(), 0
    while at < len(data) and (step := session.read(data[at:])) is not None:
        at += step.size


def http_sieve(data: bytes) -> None:
    whole, cut, used = http_stream.Sieve(), http_stream.Sieve(), 0
    whole.feed(data)
    for end in range(len(data)):
        used += cut.feed(data[used:end])
    cut.feed(data[used:])
    assert whole.ended == cut.ended
    assert len(whole.kept) <= http_stream.MAX_KEPT + 4096


def http_chunks(data: bytes) -> None:
    size, ended = http_stream.measure_chunks(data)
    assert size <= len(data) or not ended


def http_reply(data: bytes) -> None:
    reply = http.parse_reply(data, final=True)
    assert reply is None or (reply.size > 0 and len(reply.body) <= http.MAX_REPLY)


def httpdns_answer(data: bytes) -> None:
    for answer in httpdns.parse_answers(data, ("www.example.com", "img.example.com")):
        assert answer.addresses


def socks_request(data: bytes) -> None:
    request = socks.parse_request(data)
    assert request is None or 0 < request.size <= len(data)


def proxy_header_size(data: bytes) -> None:
    size = proxy_header.header_size(data)
    assert size is None or 0 < size <= len(data)


def quic_datagram(data: bytes) -> None:
    with suppress(DecodeError):
        quic.parse_packets(data)
    for header in quic.parse_packets(data, cut=True):
        if header.cut and header.version in KNOWN_VERSIONS:
            quic.peek_initial(data, header, initial_keys(header.dcid, header.version))


def quic_frames(data: bytes) -> None:
    quic.parse_frames(data)
    quic.parse_frames(data, cut=True)


def observer(data: bytes) -> None:
    """Frames cut out of *data* by length bytes: whatever they are, names come out clean."""
    watching, at = Observer(), 0
    events = []
    while at < len(data):
        size = data[at] * 8
        events += watching.feed(_frame(data[at + 1 : at + 1 + size]))
        at += 1 + size
    for event in [*events, *watching.flush()]:
        if isinstance(event, Observation):
            assert event.name.isascii()
            assert event.name.isprintable()
            json.dumps(dict(event.attributes))


def capture_file(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        source = open_capture(file.name)
        try:
            for frame in source.frames():
                assert len(frame.data) <= len(data) * 1100  # gzip's best ratio: nothing is made up
        finally:
            source.close()


def yaml_text(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.yaml"
        path.write_bytes(data)
        positions.load(path)


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "packet": packet,
    "dns_message": dns_message,
    "dns_stream": dns_stream,
    "client_hello": client_hello,
    "dtls_datagram": dtls_datagram,
    "gquic_datagram": gquic_datagram,
    "gquic_hello": gquic_hello,
    "ech_configs": ech_configs,
    "tls_stream": tls_stream,
    "http_head": http_head,
    "http2_frames": http2_frames,
    "http_sieve": http_sieve,
    "http_chunks": http_chunks,
    "http_reply": http_reply,
    "httpdns_answer": httpdns_answer,
    "socks_request": socks_request,
    "proxy_header": proxy_header_size,
    "quic_datagram": quic_datagram,
    "quic_frames": quic_frames,
    "observer": observer,
    "capture_file": capture_file,
    "yaml_text": yaml_text,
}


def attempt(name: str, data: bytes) -> None:
    """Run one target; the errors that are values pass, anything else is a finding."""
    try:
        TARGETS[name](data)
    except (DecodeError, SourceError, ConfigErrors):
        return
