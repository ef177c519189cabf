from __future__ import annotations

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from egret.judge.devices import Lease
from egret.sources.lease_kea import LOOKS, parse
from egret.sources.lease_values import FOREVER_NS

V4 = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id\n"
V6 = (
    "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,"
    "hostname,hwaddr,state,user_context,hwtype,hwaddr_source,pool_id\n"
)
A, B = "02:00:5e:10:00:01", "02:00:5e:10:00:02"
IP = ip_address("192.0.2.7").packed
V6_IP = ip_address("2001:db8::7").packed


def row(mac: str = A, valid: int = 4000, expire: int = 10_000, name: str = "laptop.example.", state: int = 0) -> str:
    return f"192.0.2.7,{mac},01:{mac},{valid},{expire},1,0,0,{name},{state},,0\n"


def lease(start: int, end: int, mac: str = A, name: str | None = "laptop") -> Lease:
    return Lease(ip=IP, start_ns=start * 10**9, end_ns=end * 10**9, mac=mac, name=name)


def test_a_lease_begins_where_its_lifetime_says() -> None:
    assert parse(V4 + row()) == [lease(6_000, 10_000)]
    assert LOOKS.match(V4)


def test_renewals_are_one_lease_and_another_device_is_another() -> None:
    rows = row() + row(expire=12_000) + row(B, expire=20_000, name="phone")
    assert parse(V4 + rows) == [lease(6_000, 12_000), lease(16_000, 20_000, B, "phone")]


def test_a_lease_given_back_and_an_address_declined_end() -> None:
    assert parse(V4 + row() + row(valid=0, expire=7_000)) == [lease(6_000, 7_000)]
    assert parse(V4 + row() + row(mac="", valid=4_000, expire=12_000, state=1)) == [lease(6_000, 8_000)]


def test_an_infinite_lease() -> None:
    [found] = parse(V4 + row(valid=0xFFFFFFFF, expire=0xFFFFFFFF + 5))
    assert found.end_ns == FOREVER_NS


def test_version_six_with_a_hardware_address_or_only_an_identifier() -> None:
    duid = "00:03:00:01:02:00:5e:10:00:01"
    given_row = f"2001:db8::7,{duid},4000,10000,1,3000,0,7,128,0,0,laptop,{B},0,,1,2,0\n"
    bare_row = f"2001:db8::7,{duid},4000,10000,1,3000,0,7,128,0,0,,,0,,,,0\n"
    prefix = f"2001:db8:1::,{duid},4000,10000,1,3000,2,7,56,0,0,,,0,,,,0\n"
    common = {"ip": V6_IP, "start_ns": 6_000 * 10**9, "end_ns": 10_000 * 10**9, "duid": duid.replace(":", "")}
    assert parse(V6 + given_row + prefix) == [Lease(mac=B, name="laptop", **common)]  # type: ignore[arg-type]
    assert parse(V6 + bare_row) == [Lease(mac=A, **common)]  # type: ignore[arg-type]


def test_what_is_no_row_is_skipped() -> None:
    for bad in ("", ",,,,,\n", "x" * 10_000 + "\n", "192.0.2.300,a,b,1,2\n", row().replace("4000", "-1"), "," * 10_000):
        assert parse(V4 + bad) == []
    assert parse(row()) == []  # no header: no column has a name


@given(st.text(), st.integers(0, 300))
def test_anything_is_leases_or_nothing(noise: str, at: int) -> None:
    text = V4 + row() + V6
    assert isinstance(parse(text[:at] + noise + text[at:]), list)
