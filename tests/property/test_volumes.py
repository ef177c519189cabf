"""A segment or a datagram counts the same with and without its packet, whatever was flagged, opened, ended or forgotten before."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from egret.decode.packet import Packet
from egret.model import Endpoint, FlowKey, Transport, Volume
from egret.track.direction import ends_of
from egret.track.limits import SECOND_NS, Limits
from egret.track.volume import Volumes

CLIENTS = [Endpoint(bytes([192, 0, 2, number]), port) for number in (1, 2) for port in (40_000, 40_001, 80)]
SERVERS = [Endpoint(bytes([198, 51, 100, number]), port) for number in (1, 2, 3) for port in (443, 53)]
LIMITS = Limits(volume_peers=2, volume_flows=4)
FLAGS = (0x10, 0x10, 0x10, 0x18, 0x00, 0x11, 0x02, 0x12, 0x04)


def told(number: int, transport: Transport, *, shortly: bool) -> list[object]:
    """What is told of a course of events, and what is known in the end."""
    chance, evictions = random.Random(number), Counter[str]()
    volumes, now, said = Volumes(LIMITS, evictions), 5 * SECOND_NS, list[Volume]()
    seqs = {end: chance.randrange(1 << 32) for end in (*CLIENTS, *SERVERS)}
    for _ in range(300):
        now += chance.choice((1000, 1000, 1000, SECOND_NS, 40 * SECOND_NS))
        client, server = chance.choice(CLIENTS), chance.choice(SERVERS)
        act = chance.random()
        if act < 0.02:
            volumes.arm(chance.choice((client, server)).ip, now)
        elif act < 0.08:
            key = FlowKey(transport, client, server)
            volumes.flag(key, chance.choice("ab"), None, chance.choice((None, seqs[client])), now)
        elif act < 0.1:
            volumes.expire(now)
        elif act < 0.12:
            said += volumes.take()
        else:
            source, destination = chance.choice(((client, server), (server, client)))
            length, flags = chance.choice((0, 100, 1400)), chance.choice(FLAGS)
            seq, ack = seqs[source], seqs[destination]
            first, interface = chance.choice((0x16, 0x40, 0xC0)), chance.choice(("lan0", "lan0", None))
            if transport is Transport.UDP:
                volumes.datagrams = chance.random() < 0.9
                ends, payload = ends_of(source, destination), memoryview(bytes([first] * length))
                if shortly:
                    volumes.feed_datagram(ends, first, length, now, interface)
                else:
                    volumes.feed(Packet(now, transport, source, destination, payload, length, 0, 0, interface))
            elif shortly:
                volumes.feed_segment(ends_of(source, destination), seq, ack, flags, length, now)
            else:
                nothing = memoryview(b"")
                volumes.feed_header(
                    Packet(now, Transport.TCP, source, destination, nothing, length, seq, flags, None, ack)
                )
            seqs[source] = (seq + length + bool(flags & 3)) & 0xFFFFFFFF
    return [*said, *volumes.take(), volumes.addresses(), volumes.tracked(), volumes.generation, dict(evictions)]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 1 << 32), st.sampled_from([Transport.TCP, Transport.UDP]))
def test_what_is_told_is_the_same(number: int, transport: Transport) -> None:
    assert told(number, transport, shortly=True) == told(number, transport, shortly=False)
