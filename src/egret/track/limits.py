"""How much is remembered, and for how long. Every table of ``track`` takes its bound from here."""

from __future__ import annotations

from collections import Counter

from egret.decode.plain_lookup import ReadLookup, read_plain
from egret.track.tables import MakeMemory, Remembered
from egret.value import Struct, field

SECOND_NS = 1_000_000_000


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds of memory and of waiting; times in seconds of packet time.

    The defaults keep a flooded process below 150 MB (in Python: 190), even if all kinds of floods come at once
    (``bench/floods.py``, docs/adr/0060-all-floods-at-once.md): so a bound of bytes is of memory, with what it takes
    to hold them.
    """

    flows: int = 32_768  # TCP connections whose first bytes are still awaited
    flow_bytes: int = 64 * 1024  # of a client's stream: what is held of it, in whatever order its hello or head comes
    stream_bytes: int = 10 * 1024 * 1024  # of all of them together, holes and bookkeeping included
    decided: int = 131_072  # connections that need no second look, a generation; two are kept
    http_flows: int = 8_192  # HTTP connections whose later requests are looked at
    http_bytes: int = 4 * 1024 * 1024  # of later requests that are not whole yet, all together
    http2_sessions: int = 512  # of those connections that speak HTTP/2, each with its table of fields
    httpdns: int = 512  # connections to HTTPDNS servers whose responses are awaited
    late_hellos: int = 16_384  # unrecognised connections in which a hello may still come
    quic_flows: int = 16_384  # QUIC address pairs
    quic_bytes: int = 5 * 1024 * 1024  # CRYPTO bytes of all attempts together
    dtls_flows: int = 8_192  # DTLS address pairs
    dtls_bytes: int = 2 * 1024 * 1024  # of hello fragments that are not whole yet, all together
    dns_streams: int = 8_192  # directions of DNS over TCP
    dns_bytes: int = 4 * 1024 * 1024  # of messages there that are not whole yet, all together
    answers: int = 131_072  # (client, address) pairs
    answer_bytes: int = 14 * 1024 * 1024  # of answers that nobody has asked about yet
    ech_names: int = 32_768  # (client, name) pairs: what Encrypted Client Hello is judged by
    ech_configs: int = 4_096  # (client, ECH configuration) pairs
    volume_peers: int = 1_024  # addresses that flagged connections lead to
    volume_flows: int = 4_096  # flagged connections whose bytes are counted, and as many that may become such
    duplicates: int = 16_384  # DNS messages remembered to know a second copy, a generation
    wait_s: int = 5  # for missing segments; then what is there is used
    silent_s: int = 120  # for the first byte after a TCP handshake
    duplicate_s: int = 1  # the same DNS message again within this time is a copy, not a repetition
    answer_floor_s: int = 60  # an answer names later flows at least this long, whatever its TTL
    answer_ceiling_s: int = 86_400
    answer_grace_s: int = 300  # and this long beyond it: clients hold on to addresses
    memory: MakeMemory = Remembered  # of what is decided; the worker has a compiled one
    read_lookup: ReadLookup = read_plain  # likewise


class Counters(Struct):
    """What the observer has seen; plain numbers that only grow, except ``tracked``."""

    frames: int = 0
    bytes: int = 0
    packets: Counter[str] = field(default_factory=Counter)  # by transport
    evictions: Counter[str] = field(default_factory=Counter)  # by table
    duplicates: int = 0  # DNS messages seen a second time
    tracked: dict[str, int] = field(default_factory=dict)  # entries now, by table
