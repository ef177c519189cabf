from __future__ import annotations

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from egret.judge.devices import Lease
from egret.sources.lease_dnsmasq import LOOKS, parse
from egret.sources.lease_values import FOREVER_NS

TEXT = """\
1767700000 02:00:5e:10:00:01 192.0.2.7 Laptop-7 01:02:00:5e:10:00:01
0 02:00:5e:10:00:02 192.0.2.8 * *
43200 02:00:5e:10:00:03 192.0.2.9 clockless *
1767700000 06-02:00:5e:10:00:04 192.0.2.10 wireless *
1767700000 02:00:5e:10:00:05 192.0.2.11 evil<script> *
duid 00:01:00:01:2c:00:00:00:02:00:5e:10:00:fe
1767700000 268632064 2001:db8::7 laptop-7 00:03:00:01:02:00:5e:10:00:01
1767700000 T268632064 2001:db8::8 * 00:02:00:00:ab:11:aa:bb
1767700000 268632064 2001:db8::9 *
"""


def ip(text: str) -> bytes:
    return ip_address(text).packed


def test_leases_of_both_families() -> None:
    until = 1767700000 * 10**9
    assert parse(TEXT) == [
        Lease(ip=ip("192.0.2.7"), start_ns=0, end_ns=until, mac="02:00:5e:10:00:01", name="laptop-7"),
        Lease(ip=ip("192.0.2.8"), start_ns=0, end_ns=FOREVER_NS, mac="02:00:5e:10:00:02"),
        Lease(ip=ip("192.0.2.9"), start_ns=0, end_ns=FOREVER_NS, mac="02:00:5e:10:00:03", name="clockless"),
        Lease(ip=ip("192.0.2.10"), start_ns=0, end_ns=until, name="wireless"),
        Lease(ip=ip("192.0.2.11"), start_ns=0, end_ns=until, mac="02:00:5e:10:00:05"),
        Lease(
            ip=ip("2001:db8::7"),
            start_ns=0,
            end_ns=until,
            mac="02:00:5e:10:00:01",
            duid="0003000102005e100001",
            name="laptop-7",
        ),
        Lease(ip=ip("2001:db8::8"), start_ns=0, end_ns=until, duid="00020000ab11aabb"),
        Lease(ip=ip("2001:db8::9"), start_ns=0, end_ns=until),
    ]


def test_every_line_of_it_looks_like_it() -> None:
    assert all(LOOKS.match(line) for line in TEXT.splitlines())


@given(st.text(), st.integers(0, len(TEXT)))
def test_anything_is_leases_or_nothing(noise: str, at: int) -> None:
    assert isinstance(parse(TEXT[:at] + noise + TEXT[at:]), list)
