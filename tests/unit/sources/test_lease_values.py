from __future__ import annotations

import pytest

from egret.judge.devices import Lease
from egret.sources import lease_values
from egret.sources.lease_values import FOREVER_NS, Journal, address, label, mac, mac_of_duid, octets, seconds_ns

A, B = "02:00:5e:10:00:01", "02:00:5e:10:00:02"
IP = bytes([192, 0, 2, 7])


def lease(device: str, start: int, end: int, name: str | None = None) -> Lease:
    return Lease(ip=IP, mac=device, start_ns=start, end_ns=end, name=name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Laptop-7", "laptop-7"),
        ("laptop.example.org.", "laptop"),
        (" laptop ", "laptop"),
        ("*", None),
        ("", None),
        ("-x", None),
        ("a b", None),
        ("x\x1b[31m", None),
        ("<b>", None),
        ("bücher", None),
        ("a" * 64, None),
        ("x\n192.0.2.1 y", None),
    ],
)
def test_a_name_is_one_plain_label_or_none(text: str, name: str | None) -> None:
    assert label(text) == name


def test_hardware_addresses_and_identifiers() -> None:
    assert mac("2:0:5E:10:0:1") == A
    assert mac("02005e100001") is None
    assert mac("ff:ff:ff:ff:ff:ff") is None
    assert octets("0:1:ff") == b"\0\1\xff"
    assert octets("0:1:") is None
    assert octets("") is None
    assert mac_of_duid(bytes.fromhex("0003000102005e100001")) == A
    assert mac_of_duid(bytes.fromhex("000100012c00000002005e100001")) == A
    assert mac_of_duid(bytes.fromhex("0002000002005e100001")) is None  # an enterprise's
    assert mac_of_duid(bytes.fromhex("0003000602005e100001")) is None  # no Ethernet
    assert mac_of_duid(b"") is None


def test_addresses_and_times() -> None:
    assert address("192.0.2.7") == IP
    assert address("192.0.2.7/24") is None
    assert seconds_ns(10**12) == FOREVER_NS
    assert seconds_ns(-5) == 0


def test_a_renewal_lengthens_and_a_new_device_begins() -> None:
    journal = Journal()
    for each in (lease(A, 0, 10, "old"), lease(A, 5, 15, "new"), lease(B, 12, 20), lease(A, 30, 40)):
        journal.add(each)
    assert journal.leases() == [lease(A, 0, 12, "new"), lease(B, 12, 20), lease(A, 30, 40)]


def test_a_lease_that_was_given_back_ends_then() -> None:
    journal = Journal()
    journal.add(lease(A, 0, 10))
    journal.end(IP, 5)
    journal.end(IP, 7)
    journal.end(bytes(4), 5)
    assert journal.leases() == [lease(A, 0, 5)]


def test_only_the_newest_leases_of_an_address_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_values, "MAX_OF_ADDRESS", 2)
    journal = Journal()
    for start in range(5):
        journal.add(lease(A if start % 2 else B, start * 10, start * 10 + 10))
    assert [each.start_ns for each in journal.leases()] == [30, 40]
