"""What the classic kernel filter passes is enough: the names of the filtered frames are the names of all frames.

The exceptions are those of docs/adr/0003-kernel-filter.md, listed here with what they cost.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from functools import lru_cache
from pathlib import Path

import pytest

from egret.model import Frame, Observation
from egret.sources import kernel_filter
from egret.sources.files import open_capture
from egret.track.observer import Observer
from tests.support.live_bpf import run
from tests.support.reshape import SHAPES, packets
from tests.support.talks import labels, talks
from tests.support.wraps import WRAPS, Wrap

DEMO = Path(__file__).parents[2] / "src/egret/data/demo/egret-demo.pcapng"
START_NS = 1_700_000_000_000_000_000
LIVE = {name: wrap for name, wrap in WRAPS.items() if wrap.live}
SEEN = {  # read by the filter itself; every other way that a live link may have is a tunnel, which it does not open
    "Ethernet",
    "Ethernet, padded",
    "VLAN",
    "QinQ",
    "PPPoE",
    "PPPoE in a VLAN",
    "IPv4 options",
    "IPv6 extension headers",
    "IPv6 hop by hop",
    "raw IP",
}

ON_ANOTHER_PORT = frozenset({"dns on another port", "dns over tcp on another port"})  # classic_dns passes these
# An answer over TCP is a download: of one in many segments on another port, only the first looks like DNS.
DOWNLOADS_CUT = frozenset({"tiny segments"})

Names = set[tuple[str, str, str]]


def frames_of(wrap: Wrap, shape: str) -> list[Frame]:
    found = []
    for number, packet in enumerate(crossed(shape)):
        data = wrap.wrap(packet)
        found.append(Frame(START_NS + number * 500_000, wrap.linktype, memoryview(data), len(data)))
    return found


@lru_cache
def crossed(shape: str) -> tuple[bytes, ...]:
    return tuple(packet for number, talk in enumerate(talks()) for packet in packets(talk, number, SHAPES[shape]))


@lru_cache
def listed() -> Names:
    """What the classic filter may lose."""
    those = (talk for label, talk in zip(labels(), talks(), strict=True) if label in ON_ANOTHER_PORT)
    return {("dns", kind, name) for talk in those for kind, name in talk.names}


def names(frames: Iterable[Frame]) -> Names:
    observer = Observer()
    events = [event for frame in frames for event in observer.feed(frame)] + observer.flush()
    return {(e.protocol.value, e.kind.value, e.name) for e in events if isinstance(e, Observation)}


def passed(frames: list[Frame], name: str = "classic") -> list[Frame]:
    program = kernel_filter.program(name, frames[0].linktype)
    return [frame for frame in frames if run(program, bytes(frame.data))]


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_lost_in_any_shape(shape: str) -> None:
    frames = frames_of(WRAPS["Ethernet"], shape)
    everything = names(frames)
    assert everything - names(passed(frames)) <= listed()
    lost = everything - names(passed(frames, "classic_dns"))
    assert lost == set() or (shape in DOWNLOADS_CUT and lost <= listed())


@pytest.mark.parametrize("way", sorted(SEEN))
@pytest.mark.parametrize("shape", ["plain", "plain, IPv6", "last piece first"])
def test_nothing_is_lost_on_the_ways_that_the_filter_reads(way: str, shape: str) -> None:
    frames = frames_of(WRAPS[way], shape)
    kept = passed(frames)
    assert names(frames) - names(kept) <= listed()
    assert len(kept) < len(frames)


@pytest.mark.parametrize("way", sorted(LIVE.keys() - SEEN))
def test_what_is_inside_tunnels_is_lost(way: str) -> None:
    """As the record of the decision says. One that is read after all belongs in SEEN."""
    frames = frames_of(LIVE[way], "plain, IPv6")
    assert len(passed(frames)) < len(frames) / 10


@pytest.mark.skipif(not DEMO.exists(), reason="needs the demo's capture")
def test_nothing_is_lost_of_the_demo() -> None:
    with closing(open_capture(str(DEMO))) as source:
        frames = [frame._replace(data=memoryview(bytes(frame.data))) for frame in source.frames()]
    assert names(passed(frames)) == names(frames)


@pytest.mark.skipif(not DEMO.exists(), reason="needs the demo's capture")
def test_every_frame_that_says_a_name_passes() -> None:
    program = kernel_filter.program("classic", kernel_filter.ETHERNET)
    with closing(open_capture(str(DEMO))) as source:
        observer = Observer()
        for frame in source.frames():
            if any(isinstance(event, Observation) for event in observer.feed(frame)):
                assert run(program, bytes(frame.data))
