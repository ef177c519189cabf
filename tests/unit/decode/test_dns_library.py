from __future__ import annotations

import dns.rdatatype
import pytest

from egret.decode import dns as own
from egret.decode.dns import HTTPS, SVCB, Service, type_name
from egret.decode.dns_library import read_binding, type_text

DATA = bytes.fromhex("0001 00 0001 0003 026832 0004 0004 c0000207 0005 0006 0004fe0d0000")  # . alpn=h2 ipv4hint ech


def test_what_a_binding_says() -> None:
    service = Service(1, ("h2",), (bytes([192, 0, 2, 7]),), bytes.fromhex("0004fe0d0000"))
    assert read_binding(HTTPS, DATA) == read_binding(SVCB, DATA) == ("", service)
    assert read_binding(HTTPS, b"\0\0" + b"\1x\0") == ("x", Service(0))


@pytest.mark.parametrize("data", [b"", b"\0", DATA[:-1], DATA + b"\0", b"\0\1\xc0\0"])
def test_what_is_none(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        read_binding(HTTPS, data)


def test_types_have_one_name_each() -> None:
    assert (type_text(50), type_text(65400)) == ("NSEC3", "TYPE65400")
    for number in range(1, 300):
        assert type_name(number) == dns.rdatatype.to_text(dns.rdatatype.RdataType.make(number))
    assert len(own._COMMON_TYPES) == 12
