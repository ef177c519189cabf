"""The kernel and our interpreter agree on what the classic filter passes."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from egret.model import Frame, Observation
from egret.sources import kernel_filter, live
from egret.sources.afpacket import RingOptions
from egret.sources.ring import Geometry
from egret.track.observer import Observer
from tests.support.live import inside, namespaces, send_frames, silence, veth
from tests.support.live_bpf import run
from tests.support.live_capture import Kept, drain
from tests.support.live_frames import CASES, NOT_IP, PPPOE, ethernet
from tests.support.reshape import SHAPES, packets
from tests.support.talks import labels, talks
from tests.support.wraps import WRAPS

pytestmark = pytest.mark.integration


def _numbered(frame: bytes, number: int) -> bytes:
    """The frame with its number where nobody looks: in the source address."""
    return frame[:8] + number.to_bytes(4) + frame[12:]


def _passed(frames: list[bytes]) -> dict[int, Frame]:
    """Send numbered frames over a veth pair; what the kernel let through, by number."""
    with namespaces(2) as (sensor, sender):
        veth(sensor, sender)
        silence(sensor, "eth0")
        silence(sender, "eth0")
        with inside(sensor):
            source = live.open_directly(["eth0"], RingOptions(geometry=Geometry(1 << 18, 16, 5)))
            send_frames(sender, "eth0", frames)
            passed = {_number(each): each.frame._replace(data=memoryview(each.data)) for each in drain(source)}
            source.close()
    return passed


def _number(kept: Kept) -> int:
    return int.from_bytes(kept.data[8:12])


@pytest.mark.parametrize("tags", [0, 1, 2, PPPOE])
def test_the_kernel_passes_what_the_interpreter_passes(tags: int) -> None:
    frames = [ethernet(case.packet, tags) for case in CASES] + NOT_IP
    frames = [_numbered(frame, number) for number, frame in enumerate(frames) if len(frame) <= 1514]
    program = kernel_filter.program("classic", kernel_filter.ETHERNET)
    expected = {int.from_bytes(frame[8:12]) for frame in frames if run(program, frame)}
    passed = _passed(frames)
    assert passed.keys() == expected
    assert 50 < len(passed) < len(frames)


@pytest.mark.parametrize("shape", ["plain", "plain, IPv6", "last piece first", "fragments, last first"])
def test_the_kernel_loses_no_name(shape: str) -> None:
    """Every conversation of the made corpus but DNS on other ports: what is named from the frames that the kernel passed is all of it."""
    known = [talk for label, talk in zip(labels(), talks(), strict=True) if "another port" not in label]
    crossed = [packet for number, talk in enumerate(known) for packet in packets(talk, number, SHAPES[shape])]
    frames = [_numbered(WRAPS["Ethernet"].wrap(packet), number) for number, packet in enumerate(crossed)]
    program = kernel_filter.program("classic", kernel_filter.ETHERNET)
    expected = {number for number, frame in enumerate(frames) if run(program, frame)}
    passed = _passed(frames)
    assert passed.keys() == expected
    everything = [Frame(1, kernel_filter.ETHERNET, memoryview(frame), len(frame)) for frame in frames]
    assert _names(passed[number] for number in sorted(passed)) == _names(everything)


def _names(frames: Iterable[Frame]) -> set[tuple[str, str, str]]:
    observer = Observer()
    events = [event for frame in frames for event in observer.feed(frame)] + observer.flush()
    return {(event.protocol, event.kind, event.name) for event in events if isinstance(event, Observation)}
