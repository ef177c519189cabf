from __future__ import annotations

import time
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egret.judge.devices import Lease
from egret.sources.lease_isc import LOOKS, parse
from egret.sources.lease_values import FOREVER_NS

A, B = "02:00:5e:10:00:01", "02:00:5e:10:00:02"
IP = ip_address("192.0.2.7").packed
TEN = 1_767_693_600  # 2026-01-06 10:00:00 UTC, a Tuesday
TEXT = r"""
# The format of this file is documented in the dhcpd.leases(5) manual page.
authoring-byte-order little-endian;
server-duid "\000\001\000\001,\000\000\000\002\000^\020\000\376";
lease 192.0.2.7 {
  starts 2 2026/01/06 10:00:00;
  ends 2 2026/01/06 11:00:00;
  cltt 2 2026/01/06 10:00:00;
  binding state active;
  next binding state free;
  hardware ethernet 02:00:5e:10:00:01;
  uid "\001\002\000^\020\000\001";
  client-hostname "Laptop-7";
}
"""


def v4(start: str = "2 2026/01/06 10:00:00", end: str = "2 2026/01/06 11:00:00", mac: str = A, more: str = "") -> str:
    return f"lease 192.0.2.7 {{ starts {start}; ends {end}; hardware ethernet {mac}; {more} }}\n"


def lease(start: int, end: int, mac: str | None = A, name: str | None = None) -> Lease:
    return Lease(ip=IP, start_ns=start * 10**9, end_ns=end * 10**9, mac=mac, name=name)


def test_a_lease() -> None:
    assert parse(TEXT) == [lease(TEN, TEN + 3600, name="laptop-7")]
    assert [bool(LOOKS.match(line)) for line in TEXT.strip().splitlines()[:4]] == [True] * 4


def test_the_log_of_an_address() -> None:
    renewed = v4("2 2026/01/06 10:30:00", "2 2026/01/06 11:30:00")
    next_one = v4("2 2026/01/06 12:00:00", "never", B)
    found = parse(TEXT + renewed + next_one)
    assert found[0] == lease(TEN, TEN + 5400)
    assert (found[1].mac, found[1].end_ns) == (B, FOREVER_NS)


def test_times_as_seconds_since_the_epoch() -> None:
    assert parse(v4(f"epoch {TEN}", f"epoch {TEN + 60}; # Tue\n")) == [lease(TEN, TEN + 60)]


def test_an_abandoned_address_is_nobodys() -> None:
    abandoned = v4("2 2026/01/06 10:10:00", "2 2026/01/06 10:20:00", more="binding state abandoned;")
    assert parse(TEXT + abandoned) == [lease(TEN, TEN + 600, name="laptop-7")]


def test_version_six() -> None:
    text = r"""
    ia-na "\007\000\000\000\000\003\000\001\002\000^\020\000\001" {
      cltt 2 2026/01/06 10:00:00;
      iaaddr 2001:db8::7 { binding state active; max-life 3600; ends 2 2026/01/06 11:00:00; }
    }
    ia-pd "\007\000\000\000\000\003\000\001\002\000^\020\000\001" {
      iaprefix 2001:db8:1::/56 { binding state active; ends 2 2026/01/06 11:00:00; }
    }
    """
    [found] = parse(text)
    assert found == Lease(
        ip=ip_address("2001:db8::7").packed,
        start_ns=TEN * 10**9,
        end_ns=(TEN + 3600) * 10**9,
        mac=A,
        duid="0003000102005e100001",
    )


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "lease {",
        "lease 192.0.2.7 { }",
        "lease 192.0.2.7 { starts 2 2026/13/06 10:00:00; ends never; }",
        v4("2 2026/01/06 99:00:00"),
        v4(mac="02"),
        'iaaddr 2001:db8::7 { ends never; } ia-na "x" { iaaddr nonsense { ends never; } }',
        "}" * 100 + "{" * 100 + ";" * 100,
        v4().replace("192.0.2.7", "192.0.2.777"),
    ],
)
def test_what_is_no_lease_is_skipped(bad: str) -> None:
    assert parse(bad) == []


@pytest.mark.parametrize(
    "name", ['a\\"; } lease 192.0.2.9 { starts epoch 1; ends never', "\\033[31m", "<b>", '"', "\\"]
)
def test_a_name_cannot_leave_its_quotes(name: str) -> None:
    found = parse(TEXT.replace("Laptop-7", name))
    assert [each.ip for each in found] in ([IP], [])
    assert all(each.name is None for each in found)


def test_hostile_text_takes_no_long_time() -> None:
    begun = time.process_time()
    for text in ('"' * 500_000, '"\\"' * 200_000, "{" * 500_000, "a " * 500_000, "lease 192.0.2.1 {" * 50_000):
        assert parse(text) == []
    assert time.process_time() - begun < 10


@given(st.text(), st.integers(0, len(TEXT)))
def test_anything_is_leases_or_nothing(noise: str, at: int) -> None:
    assert isinstance(parse(TEXT[:at] + noise + TEXT[at:]), list)
