from __future__ import annotations

import ipaddress

import pytest

from egret.geo.addresses import embedded, is_reserved


def packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("::ffff:203.0.113.7", "203.0.113.7"),  # RFC 4291 2.5.5.2
        ("64:ff9b::203.0.113.7", "203.0.113.7"),  # RFC 6052 2.1
        ("2002:cb00:7107:1::1", "203.0.113.7"),  # RFC 3056 2
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45"),  # RFC 4380 4, its own example
        ("2001:db8::1", "2001:db8::1"),
        ("64:ff9b:1::203.0.113.7", "64:ff9b:1::203.0.113.7"),  # RFC 8215: a local prefix, no fixed place for an address
        ("203.0.113.7", "203.0.113.7"),
    ],
)
def test_embedded(address: str, inside: str) -> None:
    assert embedded(packed(address)) == packed(inside)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.127.255.255", "127.0.0.1", "169.254.9.9", "172.31.255.255",
        "192.0.0.1", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
        "224.0.0.251", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fc00::1", "fd12::1", "ff02::fb", "2001:db8::1", "3fff::1", "3fff:fff::1", "2001:2::1",
        "64:ff9b:1::1", "100::1", "4000::1",
    ],
)  # fmt: skip
def test_reserved(address: str) -> None:
    assert is_reserved(packed(address))


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "192.0.1.1",
     "198.17.0.1", "198.20.0.1", "223.255.255.255", "2400:3200::1", "2606:4700::1", "2001:200::1", "3ffe::1", "3fff:1000::1"],
)  # fmt: skip
def test_not_reserved(address: str) -> None:
    assert not is_reserved(packed(address))
