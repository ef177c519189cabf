from __future__ import annotations

from egret.model import Endpoint
from egret.track.direction import ends_of
from egret.worker.replayed import packets

CLIENT, SERVER = Endpoint(b"\xc0\0\2\x0a", 40000), Endpoint(b"\xc6\x33\x64\x14", 443)


def test_what_was_held_comes_in_its_order_and_with_its_times() -> None:
    first, ends = 0xFFFFFFFF, ends_of(CLIENT, SERVER)
    said = packets((first, 5, "lan0", 0), ends, True, [(6, b"EHLO a\r\n"), (7, b"STARTTLS\r\n")])
    assert [(each.time_ns, each.source, each.seq, each.flags, bytes(each.payload)) for each in said] == [
        (5, CLIENT, first - 1, 0x02, b""),
        (5, SERVER, first - 1, 0x12, b""),
        (6, CLIENT, first, 0x10, b"EHLO a\r\n"),
        (7, CLIENT, 7, 0x10, b"STARTTLS\r\n"),
    ]
    assert {each.interface for each in said} == {"lan0"}
    assert len(packets((first, 5, None, 0), ends, False, ())) == 1
