"""Every name, whatever link type, tag or tunnel carries it and whatever shape it was cut into."""

from __future__ import annotations

from functools import lru_cache

import pytest

from egret.model import Frame, Observation
from egret.track.observer import Observer
from tests.support.reshape import SHAPES, packets
from tests.support.talks import Name, talks
from tests.support.wraps import WRAPS, Wrap

# Whether a stream on port 53 is DNS is told by its first byte, once: a hello whose first piece comes later is lost.
START_NS = 1_700_000_000_000_000_000


@lru_cache
def crossed(shape: str) -> tuple[bytes, ...]:
    return tuple(packet for number, talk in enumerate(talks()) for packet in packets(talk, number, SHAPES[shape]))


def named(wrap: Wrap, shape: str) -> set[Name]:
    observer, events = Observer(), []
    for number, packet in enumerate(crossed(shape)):
        data = wrap.wrap(packet)
        events += observer.feed(Frame(START_NS + number * 500_000, wrap.linktype, memoryview(data), len(data)))
    return {kind_and_name(event) for event in events + observer.flush() if isinstance(event, Observation)}


def kind_and_name(said: Observation) -> Name:
    own = said.protocol.value == "dns" or said.kind.value == "connect"
    return (said.kind.value if own else said.protocol.value, said.name)


@lru_cache
def there() -> frozenset[Name]:
    return frozenset(name for talk in talks() for name in talk.names)


@pytest.mark.parametrize("shape", SHAPES)
def test_in_every_shape(shape: str) -> None:
    assert named(WRAPS["Ethernet"], shape) == there()


@pytest.mark.parametrize("shape", ["plain", pytest.param("plain, IPv6", marks=pytest.mark.slow)])
@pytest.mark.parametrize("way", WRAPS)
def test_on_every_way(way: str, shape: str) -> None:
    assert named(WRAPS[way], shape) == there()
