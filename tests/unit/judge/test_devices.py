from __future__ import annotations

from ipaddress import ip_address

import pytest

from egret.judge import devices
from egret.judge.devices import GRACE_NS, NO_DEVICE, REMEMBER_NS, SECOND_NS, Devices, Lease, mac_of, mac_text
from egret.model import IdentitySource

LAPTOP, PHONE, ROUTER = "02:00:5e:10:00:01", "02:00:5e:10:00:02", "02:00:5e:10:00:fe"
HOUR = 3600 * SECOND_NS
DUID = "00020000ab11aabbccdd"


def ip(text: str) -> bytes:
    return ip_address(text).packed


A, B, V6 = ip("192.0.2.7"), ip("192.0.2.8"), ip("2001:db8::7")


def lease(address: bytes = A, mac: str | None = LAPTOP, start: int = 0, end: int = 10 * HOUR, **more: str) -> Lease:
    return Lease(ip=address, mac=mac, start_ns=start, end_ns=end, **more)


def test_nothing_is_known_at_first() -> None:
    assert Devices().at(A, 0) == NO_DEVICE


def test_leases_of_one_address_are_told_apart_by_time() -> None:
    known = Devices()
    known.learn_leases([lease(mac=PHONE, start=6 * HOUR, end=9 * HOUR), lease(start=HOUR, end=5 * HOUR)])
    assert known.at(A, 2 * HOUR).mac == LAPTOP
    assert known.at(A, 7 * HOUR).mac == PHONE
    assert known.at(A, 5 * HOUR + GRACE_NS).mac == LAPTOP  # it goes on for a little
    assert known.at(A, 6 * HOUR - 1).mac == PHONE  # the nearest
    assert known.at(A, 9 * HOUR + GRACE_NS + 1) == NO_DEVICE
    assert known.at(A, 0) == NO_DEVICE


def test_a_renewal_holds_from_its_start() -> None:
    known = Devices()
    known.learn_leases([lease(start=0, end=2 * HOUR, name="old"), lease(start=HOUR, end=3 * HOUR, name="new")])
    device = known.at(A, HOUR)
    assert device.lease is not None
    assert device.lease.name == "new"


def test_a_neighbour_is_believed_before_a_lease_and_a_lease_before_a_memory() -> None:
    known = Devices()
    known.learn_leases([lease(name="laptop")])
    known.learn_neighbours({A: PHONE, B: LAPTOP}, [], HOUR)
    assert known.at(A, HOUR) == (PHONE, None, None, IdentitySource.NEIGHBOUR)  # not the lease's device: not its name
    known.learn_neighbours({}, [], HOUR)
    assert known.at(A, HOUR).mac == LAPTOP
    assert known.at(B, HOUR).mac == LAPTOP  # remembered


def test_a_neighbour_is_remembered_for_an_hour_and_a_clock_set_back_does_not_age_it() -> None:
    known = Devices()
    known.learn_neighbours({A: LAPTOP}, [], 100 * HOUR)
    known.learn_neighbours({}, [], HOUR)
    assert known.at(A, HOUR).mac == LAPTOP
    known.learn_neighbours({}, [], HOUR + REMEMBER_NS)
    assert known.at(A, HOUR) == NO_DEVICE


def test_a_routers_address_is_no_devices() -> None:
    known = Devices()
    known.learn_neighbours({A: ROUTER, B: LAPTOP}, [ROUTER], 0)
    assert known.at(A, 0) == NO_DEVICE
    assert known.is_router(A)
    assert not known.is_router(B)


def test_a_hardware_address_with_many_ipv4_addresses_is_no_devices() -> None:
    known = Devices()
    many = {ip(f"192.0.2.{number}"): LAPTOP for number in range(1, devices.MAX_IPV4_OF_MAC + 2)}
    known.learn_neighbours(many, [], 0)
    assert known.at(A, 0) == NO_DEVICE
    known.learn_neighbours(dict(list(many.items())[:-1]), [], 0)
    assert known.at(A, 0).mac == LAPTOP


def test_many_ipv6_addresses_are_one_device() -> None:
    known = Devices()
    known.learn_neighbours({ip(f"2001:db8::{number:x}"): LAPTOP for number in range(200)}, [], 0)
    assert known.at(V6, 0).mac == LAPTOP
    assert len(known.addresses(known.at(V6, 0))) == 200


def test_a_name_comes_from_any_lease_of_the_device() -> None:
    known = Devices()
    known.learn_leases([lease(name="laptop"), lease(V6, None, duid=DUID)])
    known.learn_neighbours({B: LAPTOP}, [], 0)
    found = known.lease_of(known.at(B, 0), 0)
    assert found is not None
    assert found.name == "laptop"
    assert known.lease_of(known.at(B, 0), 100 * HOUR) is None
    assert known.at(V6, 0).duid == DUID
    assert known.lease_of(known.at(V6, 0), 0) is None
    assert known.lease_of(NO_DEVICE, 0) is None


def test_both_tables_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "MAX_LEASES", 2)
    monkeypatch.setattr(devices, "MAX_NEIGHBOURS", 2)
    known = Devices()
    assert known.learn_leases([lease(A), lease(B), lease(V6)]) == 1
    known.learn_neighbours({A: LAPTOP, B: LAPTOP, V6: LAPTOP}, [], 0)
    assert known.known() == {A, B, V6}
    assert len(known._neighbours) == 2


@pytest.mark.parametrize(
    ("address", "mac"),
    [
        ("fe80::5eff:fe10:1", None),  # the universal bit is not set: as good as random
        ("2001:db8::200:5eff:fe10:1", "00:00:5e:10:00:01"),
        ("2001:db8::200:5eff:ff10:1", None),
        ("2001:db8::300:5eff:fe10:1", None),  # a group address
        ("192.0.2.1", None),
    ],
)
def test_an_address_may_hold_a_hardware_address(address: str, mac: str | None) -> None:
    assert mac_of(ip(address)) == mac
    assert Devices().at(ip(address), 0).mac == mac


@pytest.mark.parametrize("raw", [b"", b"\x02\0\x5e", bytes(6), b"\xff" * 6, b"\x01\0\x5e\0\0\1", bytes(8)])
def test_what_is_no_ones_hardware_address(raw: bytes) -> None:
    assert mac_text(raw) is None
