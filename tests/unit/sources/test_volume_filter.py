from __future__ import annotations

import ipaddress
import random

import pytest
from scapy.layers.inet import IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt
from scapy.packet import Packet

from egret.decode.packet import decode_packet
from egret.model import Frame
from egret.sources import bpf, kernel_filter
from egret.sources.volume_filter import KEPT, MAX_ADDRESSES, program, word
from tests.support.live_bpf import run
from tests.support.live_frames import CASES, NOT_IP, PPPOE, ethernet

CLIENT, SERVER, OTHER = "192.0.2.1", "203.0.113.9", "203.0.113.10"
CLIENT6, SERVER6, OTHER6 = "2001:db8::1", "2001:db8:1::9", "2001:db8:1::a"


def packed(*texts: str) -> list[bytes]:
    return [ipaddress.ip_address(text).packed for text in texts]


FLAGGED = packed(SERVER, SERVER6)
ETHERNET = program(FLAGGED, kernel_filter.ETHERNET)
RAW = program(FLAGGED, kernel_filter.RAW_IP)


def v4(layer: Packet, *, out: bool = True, server: str = SERVER) -> Packet:
    return IP(src=CLIENT, dst=server) / layer if out else IP(src=server, dst=CLIENT) / layer


def v6(layer: Packet, *, out: bool = True, server: str = SERVER6) -> Packet:
    return IPv6(src=CLIENT6, dst=server) / layer if out else IPv6(src=server, dst=CLIENT6) / layer


def tcp(
    flags: str = "A", payload: bytes = b"", *, out: bool = True, server: int = 443, options: bool = False
) -> Packet:
    ports = (40000, server) if out else (server, 40000)
    extra = [("Timestamp", (1, 2)), ("NOP", None), ("NOP", None)] if options else []
    return TCP(sport=ports[0], dport=ports[1], flags=flags, options=extra) / payload


TELLING = [
    *(
        tcp(flags, out=out, options=options)
        for flags in ("S", "SA", "A", "FA", "R", "RA")
        for out in (True, False)
        for options in (True, False)
    ),
    tcp("PA", b"x" * 900),
    tcp("PA", b"x" * 900, out=False),
]
DATAGRAMS = [(UDP(sport=40000, dport=443) / (b"x" * size), True) for size in (0, 1, 1200)]
DATAGRAMS += [(UDP(sport=443, dport=40000) / b"y", False)]


def is_out(layer: Packet) -> bool:
    return bool(layer.sport > layer.dport)


@pytest.mark.parametrize("tags", [0, 1, 2, PPPOE])
def test_the_headers_of_flagged_connections_pass_and_no_others(tags: int) -> None:
    for layer in [*TELLING, *(layer for layer, _ in DATAGRAMS)]:
        for make, other in ((v4, OTHER), (v6, OTHER6)):
            frame = ethernet(make(layer, out=is_out(layer)), tags)
            assert run(ETHERNET, frame) == KEPT, (layer.summary(), tags)
            assert run(ETHERNET, ethernet(make(layer, out=is_out(layer), server=other), tags)) == 0


def test_without_a_link_header() -> None:
    assert run(RAW, bytes(v4(tcp()))) == run(RAW, bytes(v6(tcp(out=False), out=False))) == KEPT
    assert run(RAW, bytes(v4(tcp(), server=OTHER))) == run(RAW, bytes(60)) == 0


@pytest.mark.parametrize("out", [True, False])
def test_the_bulk_of_a_stream_stays_in_the_kernel(out: bool) -> None:
    for options in (False, True):
        layer = tcp("A", b"x" * 1400, out=out, options=options)
        assert run(ETHERNET, ethernet(v4(layer, out=out), 0)) == 0
        assert run(ETHERNET, ethernet(v6(layer, out=out), 0)) == 0


def test_padding_to_the_shortest_frame_is_no_payload() -> None:
    assert run(ETHERNET, ethernet(v4(tcp()), 0) + bytes(6)) == KEPT


def test_a_flagged_client_address_is_not_its_servers() -> None:
    """What others do is passed by their servers' addresses only: the end with the lower port decides."""
    assert run(program(packed(CLIENT), 1), ethernet(v4(tcp()), 0)) == 0
    assert run(program(packed(CLIENT), 1), ethernet(v4(tcp(server=50_000)), 0)) == KEPT


def test_extension_headers_are_stepped_over_and_fragments_are_not() -> None:
    extended = IPv6(src=CLIENT6, dst=SERVER6) / IPv6ExtHdrDestOpt() / tcp()
    assert run(ETHERNET, ethernet(extended, 0)) == KEPT
    pieces = fragment(v4(UDP(sport=40000, dport=443) / bytes(3000)), 1000)  # type: ignore[no-untyped-call]  # scapy
    assert [run(ETHERNET, ethernet(piece, 0)) for piece in pieces] == [0] * len(pieces)


def test_what_is_kept_is_enough_to_decode() -> None:
    layers = [*TELLING, *(layer for layer, _ in DATAGRAMS)]
    for tags in (0, 1, 2, PPPOE):
        for layer in layers:
            whole = ethernet(v6(layer, out=is_out(layer)), tags)
            cut = decode_packet(Frame(1, 1, memoryview(whole[:KEPT]), len(whole)))
            full = decode_packet(Frame(1, 1, memoryview(whole), len(whole)))
            assert cut is not None
            assert full is not None
            assert cut._replace(payload=full.payload) == full


@pytest.mark.parametrize("count", [1, 8, 9, 100, 1024, 1025, 1500, MAX_ADDRESSES])
def test_any_number_of_addresses_fits_and_is_found(count: int) -> None:
    chance = random.Random(count)
    addresses = [chance.randbytes(chance.choice((4, 16))) for _ in range(count)]
    code = program(addresses, kernel_filter.ETHERNET)
    assert len(code) <= bpf.MAX_INSTRUCTIONS
    for address in addresses[:: max(1, count // 50)]:
        text = str(ipaddress.ip_address(address))
        layer = v6(tcp(), server=text) if len(address) == 16 else v4(tcp(), server=text)
        assert run(code, ethernet(layer, 0)) == KEPT
    assert run(code, ethernet(v4(tcp()), 0)) == (KEPT if word(FLAGGED[0]) in set(map(word, addresses)) else 0)


def test_the_longest_program_is_one_that_the_kernel_takes() -> None:
    lengths = [len(program((n.to_bytes(4) for n in range(count)), 1)) for count in range(1900, MAX_ADDRESSES + 1, 37)]
    assert max(lengths) <= bpf.MAX_INSTRUCTIONS
    with pytest.raises(ValueError, match="at most"):
        program((n.to_bytes(4) for n in range(MAX_ADDRESSES + 1)), 1)


def test_no_address_passes_nothing() -> None:
    assert program([], 1) == kernel_filter.nothing(1)
    with pytest.raises(ValueError, match="link type 105"):
        program(FLAGGED, 105)


def test_every_cut_of_every_frame_ends_in_a_verdict() -> None:
    for case in CASES[::7]:
        frame = ethernet(case.packet, 0)[:120]
        for end in range(len(frame)):
            assert run(ETHERNET, frame[:end]) in {0, KEPT}
    assert not any(run(ETHERNET, frame) for frame in NOT_IP)
