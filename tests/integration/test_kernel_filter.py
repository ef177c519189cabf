"""The kernel and our interpreter agree on what the classic filter passes."""

from __future__ import annotations

import time

import pytest

from egret.sources import kernel_filter, live
from egret.sources.afpacket import RingOptions
from egret.sources.ring import Geometry
from tests.support.live import inside, namespaces, send_frames, silence, veth
from tests.support.live_bpf import run
from tests.support.live_frames import CASES, NOT_IP, PPPOE, ethernet

pytestmark = pytest.mark.integration


def _numbered(frame: bytes, number: int) -> bytes:
    """The frame with its number where nobody looks: in the source address."""
    return frame[:8] + number.to_bytes(4) + frame[12:]


@pytest.mark.parametrize("tags", [0, 1, 2, PPPOE])
def test_the_kernel_passes_what_the_interpreter_passes(tags: int) -> None:
    frames = [ethernet(case.packet, tags) for case in CASES] + NOT_IP
    frames = [_numbered(frame, number) for number, frame in enumerate(frames) if len(frame) <= 1514]
    program = kernel_filter.program("classic", kernel_filter.ETHERNET)
    expected = {int.from_bytes(frame[8:12]) for frame in frames if run(program, frame)}
    with namespaces(2) as (sensor, sender):
        veth(sensor, sender)
        silence(sensor, "eth0")
        silence(sender, "eth0")
        with inside(sensor):
            source = live.open_directly(["eth0"], RingOptions(geometry=Geometry(1 << 18, 16, 5)))
            send_frames(sender, "eth0", frames)
            passed: set[int] = set()
            end = time.monotonic() + 5
            while passed != expected and time.monotonic() < end:
                passed |= {int.from_bytes(frame.data[8:12]) for frame in source.read(0.05)}
            passed |= {int.from_bytes(frame.data[8:12]) for frame in source.read(0.2)}
            source.close()
    assert passed == expected
    assert 50 < len(passed) < len(frames)
