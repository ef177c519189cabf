"""Datagrams in fragments that cross each other, whole and broken; and what a pipeline makes of them."""

from __future__ import annotations

import random

from bench.workloads import udp_datagram
from egret.track.fragments import MAX_BYTES, MAX_DATAGRAMS
from tests.support.datagram_bulk import datagrams
from tests.support.dns_answers import answers
from tests.support.gated import passed
from tests.support.reshape import fragments
from tests.support.sluices import as_ipv6

_LINK = 14


def cut(frame: bytes, chance: random.Random) -> list[bytes]:
    """A frame's packet in fragments; some of them late, twice, broken, or never."""
    frame = as_ipv6(frame) if chance.random() < 0.3 else frame
    pieces = [frame[:_LINK] + each for each in fragments(frame[_LINK:], chance.choice((8, 16, 24, 80, 480)))]
    fate = chance.random()
    if fate < 0.1:
        chance.shuffle(pieces)
    elif fate < 0.2:
        pieces.insert(chance.randrange(len(pieces)), chance.choice(pieces))
    elif fate < 0.3:
        pieces.pop(chance.randrange(len(pieces)))
    elif fate < 0.4:
        at = chance.randrange(len(pieces))
        odd = bytearray(pieces[at])
        place = chance.choice((17, 19, 20, 21, 23, 40, 54, 57, chance.randrange(len(odd))))
        odd[min(place, len(odd) - 1)] ^= chance.choice((1, 8, 0x20))
        pieces[at] = bytes(odd)
    return pieces


def woven(found: list[list[bytes]], chance: random.Random) -> list[bytes]:
    """Some of these at a time, each in its order."""
    frames, going, waiting = list[bytes](), list[list[bytes]](), list(found)
    most = chance.choice((1, 2, 5, 100))
    while waiting or going:
        while waiting and len(going) < most:
            going.append(waiting.pop())
        one = chance.choice(going)
        frames += [one.pop(0)] if one else []
        going = [each for each in going if each]
    return frames


def some(chance: random.Random) -> list[bytes]:
    large = [udp_datagram(0xC0000205, 0xCB007105, 40_000, 7_000, bytes(size)) for size in (50, 700, 3_000)]
    chosen = chance.sample([*answers(chance.randrange(5), 2), *datagrams(), *large * 9], 60)
    return woven([cut(frame, chance) for frame in chosen], chance)


def check(seed: int, step_ns: int) -> None:
    """See that what the gate holds says the same as what it does not."""
    chance = random.Random(seed)
    frames, back_ns = some(chance), chance.choice((0, 0, 50 * step_ns))
    bounds = chance.choice([(MAX_BYTES, MAX_DATAGRAMS), (2_000, 50), (9_000, 3)])
    snap = {frame: len(frame) - 3 for frame in chance.sample(frames, chance.choice((0, 0, 9)))}.get
    gated, free = (
        passed(frames, step_ns, gated=gated, back_ns=back_ns, fragments=bounds, snap=snap) for gated in (True, False)
    )
    assert gated == free
