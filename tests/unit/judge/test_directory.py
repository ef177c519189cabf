from __future__ import annotations

from ipaddress import ip_address

import pytest

from egret.judge import directory
from egret.judge.devices import SECOND_NS, Lease
from egret.judge.directory import DECLARED, ClientDirectory, Declared, Mark, StaticClient
from egret.judge.relays import Sign
from egret.model import IdentitySource, Role

LAPTOP, PHONE, ROUTER = "02:00:5e:10:00:01", "02:00:5e:10:00:02", "02:00:5e:10:00:fe"
EUI64, UNIVERSAL = "2001:db8::211:22ff:fe33:4455", "00:11:22:33:44:55"
HOUR = 3600 * SECOND_NS


def ip(text: str) -> bytes:
    return ip_address(text).packed


A, B, V6 = ip("192.0.2.7"), ip("192.0.2.8"), ip("2001:db8::7")


def lease(address: bytes = A, mac: str | None = LAPTOP, name: str | None = "laptop") -> Lease:
    return Lease(ip=address, mac=mac, name=name, start_ns=0, end_ns=HOUR)


def declared(*static: StaticClient, **more: object) -> ClientDirectory:
    return ClientDirectory(Declared(static=static, **more))  # type: ignore[arg-type]


def test_an_address_of_which_nothing_is_known_is_its_own_client() -> None:
    client = ClientDirectory().identify(A, 0)
    assert (client.key, client.name, client.source) == ("ip:192.0.2.7", None, IdentitySource.ADDRESS)


def test_a_lease_names_all_addresses_of_its_device() -> None:
    known = ClientDirectory()
    known.learn_leases([lease()])
    known.devices.learn_neighbours({V6: LAPTOP}, [], 0)
    for address in (A, V6):
        client = known.identify(address, 0)
        assert (client.key, client.name, client.source) == (f"mac:{LAPTOP}", "laptop", IdentitySource.LEASE)
        assert not client.is_declared
    assert known.addresses_of("192.0.2.7", 0) == {"192.0.2.7", "2001:db8::7"}
    assert known.addresses_of("laptop", 0) == {"192.0.2.7", "2001:db8::7"}
    assert known.addresses_of(LAPTOP.upper(), 0) == {"192.0.2.7", "2001:db8::7"}
    assert known.addresses_of(f"mac:{LAPTOP}", 0) == {"192.0.2.7", "2001:db8::7"}
    assert known.addresses_of("203.0.113.1", 0) == {"203.0.113.1"}
    assert known.addresses_of("nobody", 0) == frozenset()


def test_a_static_name_comes_before_a_lease() -> None:
    known = declared(StaticClient(mac=LAPTOP, name="desk", groups=("office",)))
    known.learn_leases([lease()])
    client = known.identify(A, 0)
    assert (client.key, client.name, client.groups, client.is_declared) == ("name:desk", "desk", ("office",), True)


def test_the_static_name_of_one_address_holds_for_all_of_the_device() -> None:
    known = declared(StaticClient(address=A, name="desk"))
    known.devices.learn_neighbours({A: LAPTOP, V6: LAPTOP, B: PHONE}, [], 0)
    assert [known.identify(each, 0).key for each in (A, V6, B)] == ["name:desk", "name:desk", f"mac:{PHONE}"]


def test_entries_of_one_name_are_one_client() -> None:
    known = declared(StaticClient(address=A, name="desk"), StaticClient(address=V6, name="desk"))
    assert known.identify(A, 0).key == known.identify(V6, 0).key
    assert known.addresses_of("desk", 0) == {"192.0.2.7", "2001:db8::7"}


def test_a_subnet_is_a_label_and_not_one_client() -> None:
    known = declared(
        StaticClient(subnet="192.0.2.0/24", name="lab", groups=("lab",)),
        StaticClient(subnet="192.0.2.8/32", name="bench"),
    )
    assert (known.identify(A, 0).name, known.identify(A, 0).key) == ("lab", "ip:192.0.2.7")
    assert (known.identify(B, 0).name, known.identify(B, 0).groups) == ("bench", ("lab",))


def test_groups_hold_networks_hardware_addresses_and_static_names() -> None:
    known = declared(
        StaticClient(address=A, name="desk"),
        groups={"net": ("2001:db8::/64",), "macs": (PHONE,), "names": ("desk", "laptop")},
    )
    known.devices.learn_neighbours({B: PHONE}, [], 0)
    assert [known.identify(each, 0).groups for each in (A, B, V6)] == [("names",), ("macs",), ("net",)]


def test_a_name_that_a_client_chose_gives_no_group() -> None:
    known = declared(groups={"names": ("laptop",)}, roles={Role.SERVER: ("laptop",)})
    known.learn_leases([lease(name="laptop")])
    client = known.identify(A, 0)
    assert (client.name, client.groups, client.role) == ("laptop", (), None)


def test_a_hardware_address_that_only_an_address_claims_names_and_is_not_trusted() -> None:
    known = declared(
        StaticClient(mac=UNIVERSAL, name="desk", groups=("office",), role=Role.SERVER), groups={"macs": (UNIVERSAL,)}
    )
    client = known.identify(ip(EUI64), 0)
    assert (client.key, client.name, client.groups, client.role) == ("name:desk", "desk", (), None)
    assert client.source is IdentitySource.EUI64
    known.devices.learn_neighbours({ip(EUI64): UNIVERSAL}, [], 0)
    assert known.identify(ip(EUI64), 0).groups == ("macs", "office")


def test_the_hosts_file_names_what_nothing_else_names() -> None:
    known = ClientDirectory()
    known.learn_leases([lease()])
    known.learn_hosts({A: "other", B: "printer"})
    assert known.identify(A, 0).name == "laptop"
    client = known.identify(B, 0)
    assert (client.key, client.name, client.source) == ("ip:192.0.2.8", "printer", IdentitySource.HOSTS)
    assert known.addresses_of("printer", 0) == {"192.0.2.8"}


def test_a_role_is_declared_or_seen_and_the_operators_word_is_first() -> None:
    known = declared(StaticClient(address=A, role=Role.SERVER), roles={Role.PROXY: ("192.0.2.8/32",)})
    for address in (A, B, V6):
        assert known.mark(Mark(address, Role.RESOLVER, 0))
        assert not known.mark(Mark(address, Role.RESOLVER, 0))
    roles = [(known.identify(each, 0).role, known.identify(each, 0).role_reason) for each in (A, B, V6)]
    assert roles == [(Role.SERVER, DECLARED), (Role.PROXY, DECLARED), (Role.RESOLVER, Sign.ANSWERS.value)]


def test_the_next_hop_speaks_for_others() -> None:
    known = ClientDirectory()
    known.devices.learn_neighbours({A: ROUTER, B: LAPTOP}, [ROUTER], 0)
    assert known.identify(A, 0).role is Role.NAT
    assert known.identify(B, 0).role is None


def test_marks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "MAX_MARKS", 2)
    known = ClientDirectory()
    for address in (A, B, V6):
        known.mark(Mark(address, Role.PROXY, 0))
    assert [known.identify(each, 0).role for each in (A, B, V6)] == [None, Role.PROXY, Role.PROXY]


def test_a_new_configuration_keeps_what_was_learnt() -> None:
    known = declared(StaticClient(address=A, name="desk"))
    known.learn_leases([lease()])
    known.apply(Declared())
    assert known.identify(A, 0).name == "laptop"


def test_a_mark_grows_old_for_addresses_change_hands() -> None:
    known = ClientDirectory()
    known.mark(Mark(A, Role.RESOLVER, HOUR))
    assert known.identify(A, 2 * HOUR).role is Role.RESOLVER
    assert known.identify(A, 26 * HOUR).role is None


def test_a_client_cannot_take_the_name_of_another() -> None:
    known = declared(StaticClient(address=B, name="Desk"))
    known.learn_leases([lease(name="desk")])
    known.learn_hosts({V6: "desk"})
    assert [known.identify(each, 0).name for each in (A, B, V6)] == [None, "Desk", None]
    assert known.addresses_of("Desk", 0) == {"192.0.2.8"}


def test_answers_are_remembered_for_a_second_and_not_beyond_what_is_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "MAX_ANSWERS", 2)
    known = ClientDirectory()
    first = known.identify(A, 0)
    assert known.identify(A, SECOND_NS - 1) is first
    known.devices.learn_neighbours({A: LAPTOP}, [], 0)
    assert known.identify(A, 0).mac == LAPTOP
    for number in range(5):
        known.identify(A, number * SECOND_NS)
    assert len(known._answers) <= 2


def test_without_leases_and_marks_an_answer_holds_for_good() -> None:
    known = ClientDirectory()
    first = known.identify(A, 0)
    assert known.identify(A, 10**18) is first
    known.learn_leases([lease(A)])
    assert known.identify(A, 1) != first
    known.learn_leases([])
    known.mark(Mark(A, Role.RESOLVER, 0))
    assert known.identify(A, 1).role is Role.RESOLVER
    assert known.identify(A, directory.MARK_HOLDS_NS).role is None
