from __future__ import annotations

from egret.model import Endpoint, Transport
from egret.track.heard import Heard


def test_the_ends_of_a_message_are_what_knows_a_copy_of_it() -> None:
    resolver, client = Endpoint(b"\xc0\x00\x02\x35", 53), Endpoint(b"\xc0\x00\x02\x01", 40000)
    one = Heard(1, Transport.UDP, resolver, client, "lan0")
    assert hash((one.source, one.destination, b"")) == hash((tuple(resolver), tuple(client), b""))
