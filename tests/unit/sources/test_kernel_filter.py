from __future__ import annotations

import pytest
from scapy.layers.inet import IP, TCP, UDP

from egret.sources import bpf, kernel_filter
from tests.support.live_bpf import run
from tests.support.live_frames import CASES, NOT_IP, PPPOE, Case, ethernet

ETHERNET = kernel_filter.program("classic", kernel_filter.ETHERNET)
RAW = kernel_filter.program("classic", kernel_filter.RAW_IP)


@pytest.mark.parametrize("tags", [0, 1, 2, PPPOE])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_classic_on_ethernet(case: Case, tags: int) -> None:
    frame = ethernet(case.packet, tags)
    assert run(ETHERNET, frame) >= len(frame) if case.passes else run(ETHERNET, frame) == 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_classic_on_raw_ip(case: Case) -> None:
    assert (run(RAW, bytes(case.packet)) > 0) is case.passes


def test_padding_to_the_shortest_frame_is_no_payload() -> None:
    ack = next(case for case in CASES if case.name == "ACK of the server, IPv4")
    assert run(ETHERNET, ethernet(ack.packet, 0) + b"\x16\x03\x01\x02\x00\x01") == 0


@pytest.mark.parametrize("length", [4096, 4097, 60000])
def test_super_packets_of_an_upload_stay_out_and_those_with_a_hello_come(length: int) -> None:
    frame = bytearray(
        ethernet(next(case.packet for case in CASES if case.name == "hello, IPv4"), 0)[:54] + bytes(length)
    )
    frame[16:18] = (length + 40).to_bytes(2)
    assert bool(run(ETHERNET, bytes(frame))) is (length <= 4096)
    frame[54:56] = b"\x16\x03"
    assert run(ETHERNET, bytes(frame)) > 0


def test_what_is_no_ip_stays_out() -> None:
    assert not any(run(ETHERNET, frame) for frame in NOT_IP)
    assert run(RAW, b"\x00" * 60) == 0


@pytest.mark.parametrize("program", [ETHERNET, RAW])
def test_every_cut_of_every_frame_ends_in_a_verdict(program: tuple[bpf.Instruction, ...]) -> None:
    for case in CASES[::7]:
        frame = ethernet(case.packet, 0)[:120]
        for end in range(len(frame)):
            assert run(program, frame[:end]) >= 0


def test_everything_passes_everything() -> None:
    assert all(run(kernel_filter.program("everything", 1), frame) >= len(frame) for frame in NOT_IP)


def test_nothing_passes_nothing() -> None:
    assert not any(run(kernel_filter.program("nothing", 1), ethernet(case.packet, 0)) for case in CASES)


def test_an_unknown_name_or_link_type_is_an_error() -> None:
    with pytest.raises(KeyError):
        kernel_filter.program("no such", 1)
    with pytest.raises(ValueError, match="link type 105"):
        kernel_filter.program("classic", 105)


def test_dns_on_any_port_passes_where_it_is_asked_for() -> None:
    """A question and an answer of 5300, over both transports; what else goes there stays out."""
    message = b"\x12\x34\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01"
    down = IP(src="198.51.100.1", dst="192.0.2.2")
    answers = [
        down / UDP(sport=5300, dport=40000) / message,
        down / TCP(sport=5300, dport=40000, flags="A") / (len(message).to_bytes(2) + message),
    ]
    other = [
        down / UDP(sport=5300, dport=40000) / bytes(40),
        down / TCP(sport=5300, dport=40000, flags="A") / bytes(40),
    ]
    wide = kernel_filter.program(kernel_filter.ANY_DNS, kernel_filter.ETHERNET)
    for tags in (0, 2, PPPOE):
        assert [run(wide, ethernet(packet, tags)) > 0 for packet in answers + other] == [True, True, False, False]
        assert not any(run(ETHERNET, ethernet(packet, tags)) for packet in answers + other)
    for case in CASES:
        assert not case.passes or run(wide, ethernet(case.packet, 0)) > 0
