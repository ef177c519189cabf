from __future__ import annotations

import pytest

from egret.decode.plain_noise import PROTOCOLS, TYPES, frame_is_noise, packet_is_noise
from tests.support.noise import FRAMES, esp, packet

ARP = FRAMES[0]


def is_noise(frame: bytes, linktype: int = 1) -> bool:
    return frame_is_noise(b"??" + frame + b"?", 2, 2 + len(frame), linktype)


def test_talk_of_the_link_is_noise() -> None:
    tagged, spanning = ARP[:12] + b"\x81\0\0\7" + ARP[12:], ARP[:12] + b"\0\x26\x42\x42" + bytes(40)
    assert [is_noise(each) for each in (ARP, ARP[:14], tagged, spanning)] == [True] * 4
    assert not is_noise(ARP, 101)
    assert not is_noise(ARP[:13])
    assert not is_noise(b"\1\0\x0c\0\0" + spanning[5:])  # Cisco's Inter-Switch Link
    assert not is_noise(spanning[:21])


@pytest.mark.parametrize("number", [*sorted(TYPES - {0, 0x8100, 0x88A8, 0x9100}), 0x0026])
def test_what_is_looked_into_is_none(number: int) -> None:
    assert not is_noise(ARP[:12] + number.to_bytes(2) + b"\xaa" * 30)


def test_packets() -> None:
    assert is_noise(packet(89, b""))
    assert packet_is_noise(packet(1, b"\x08" + bytes(20)), 14, 55)
    assert not packet_is_noise(packet(1, b"\x0b" + bytes(20)), 14, 55)
    assert not is_noise(packet(89, b"", fragment=0x2000))
    assert not is_noise(packet(89, b"")[:33])
    assert is_noise(packet(89, b"")[:16] + b"\0\0" + packet(89, b"")[18:])  # no length is said
    assert not is_noise(packet(89, b"")[:16] + b"\0\x13" + packet(89, b"")[18:])
    six = ARP[:12] + b"\x86\xdd\x60\0\0\0\0\1\x3a\1" + bytes(32)
    assert [is_noise(six + bytes([kind])) for kind in (1, 128)] == [False, True]
    assert is_noise(six)  # cut off
    assert is_noise(six[:18] + b"\0\0" + six[20:])
    report = six[:18] + b"\0\x09\0" + six[21:] + b"\x3a\0\1\4\0\0\0\0\x8f"  # of groups, as routers hear it
    assert is_noise(report)
    assert not is_noise(six[:14] + b"\x30" + six[15:])


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS - {1, 50, 58}))
def test_protocols_that_are_looked_into(protocol: int) -> None:
    assert not is_noise(packet(protocol, bytes(60)))


def test_what_is_encrypted_names_nothing_that_is_read() -> None:
    assert is_noise(esp(59, 12))
    assert [is_noise(esp(following, check)) for following in (4, 41) for check in (0, 12, 16)] == [False] * 6
    assert is_noise(packet(50, bytes(9)))
