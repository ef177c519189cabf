"""The canary's frames, read by our own decoders, and by the filter that is to pass them."""

from __future__ import annotations

import struct

import pytest

from egret.alerts.sensor import Probe
from egret.decode.link import ETHERNET
from egret.model import Frame, Observation
from egret.sources import kernel_filter
from egret.sources.probes import CLIENT, FIRST_PORT, LINK_ADDRESS, NAME, SERVER, canary_plan, frames, from_port
from egret.track.observer import Observer
from tests.support.live_bpf import run


def frame_of(probe: Probe, port: int = FIRST_PORT) -> bytes:
    return from_port(frames()[probe], port)


@pytest.mark.parametrize("probe", Probe)
def test_every_probe_names_the_canary(probe: Probe) -> None:
    data = frame_of(probe, 23_456)
    events = Observer().feed(Frame(0, ETHERNET, memoryview(data), len(data)))
    seen = [each for each in events if isinstance(each, Observation)]
    assert [(each.protocol.value, each.name) for each in seen] == [(probe.value, NAME)]
    assert (seen[0].client.ip, seen[0].client.port, seen[0].server.ip) == (CLIENT, 23_456, SERVER)


@pytest.mark.parametrize("probe", Probe)
def test_it_is_for_nobody(probe: Probe) -> None:
    data = frame_of(probe)
    assert data[:6] == LINK_ADDRESS
    assert LINK_ADDRESS[0] & 0b11 == 0b10  # locally administered, and for one station
    assert data[14 + 8] == 1  # hops left
    total = sum(struct.unpack("!10H", data[14:34]))
    assert (total + (total >> 16)) & 0xFFFF == 0xFFFF  # a right checksum: RFC 1071


@pytest.mark.parametrize("probe", Probe)
def test_the_canarys_filter_passes_it_and_nothing_else_of_its_interface(probe: Probe) -> None:
    program = kernel_filter.program(canary_plan("lo", 1.0).options.filter, ETHERNET)
    data = frame_of(probe)
    elsewhere = bytes(6) + data[6:]  # the same, to the address of every other frame on lo
    assert run(program, data)
    assert not run(program, elsewhere)
    assert run(kernel_filter.program(kernel_filter.DEFAULT, ETHERNET), elsewhere)


def test_the_canarys_filter_has_the_usual_one_in_it() -> None:
    program = kernel_filter.program(kernel_filter.CANARY, ETHERNET)
    frame = bytearray(frame_of(Probe.DNS))
    frame[14 + 20 + 2 : 14 + 20 + 4] = (9).to_bytes(2)  # a port that carries no name
    assert not run(program, bytes(frame))
