from __future__ import annotations

import os
from pathlib import Path

import pytest

from egret.errors import SourceError
from egret.sources import leases
from egret.sources.leases import LeaseSource, discover, read_bounded, read_leases, signature

MAC = "02:00:5e:10:00:01"
DNSMASQ = f"1767700000 {MAC} 192.0.2.7 laptop *\n"
KEA_HEAD = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n"
KEA = f"{KEA_HEAD}192.0.2.7,{MAC},,4000,10000,1,0,0,laptop,0,\n"
ISC = f"# comment\nlease 192.0.2.7 {{ starts epoch 1; ends never; hardware ethernet {MAC}; }}\n"


@pytest.mark.parametrize("text", [DNSMASQ, KEA, ISC], ids=["dnsmasq", "kea", "isc"])
def test_the_form_of_a_file_is_found_out(tmp_path: Path, text: str) -> None:
    path = tmp_path / "leases"
    path.write_text(text)
    assert [lease.mac for lease in read_leases(LeaseSource(path))] == [MAC]


def test_a_form_that_is_named_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "leases"
    path.write_text(DNSMASQ)
    assert read_leases(LeaseSource(path, "isc")) == []


def test_an_empty_file_is_no_error_and_another_text_is(tmp_path: Path) -> None:
    path = tmp_path / "leases"
    path.write_text("\n\n")
    assert read_leases(LeaseSource(path)) == []
    path.write_text("root:x:0:0\n")
    with pytest.raises(SourceError, match="no lease file of dnsmasq, Kea or ISC dhcpd; set its format"):
        read_leases(LeaseSource(path))


def test_what_kea_set_aside_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "kea-leases4.csv"
    path.write_text(KEA_HEAD)
    (tmp_path / "kea-leases4.csv.2").write_text(KEA)
    (tmp_path / "kea-leases4.csv.1").write_text(KEA.replace("10000", "12000"))
    [lease] = read_leases(LeaseSource(path))
    assert lease.end_ns == 12_000 * 10**9


def test_what_is_no_file_or_too_long_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "long").write_text("x" * 100)
    for path, said in (
        (tmp_path / "gone", "No such file"),
        (tmp_path, "cannot be read|is no file"),
        (tmp_path / "fifo", "is no file"),
        (tmp_path / "long", "longer than"),
    ):
        with pytest.raises(SourceError, match=said):
            read_bounded(path, 99)
    assert read_bounded(tmp_path / "long", 100) == "x" * 100


def test_bytes_that_are_no_text_become_marks(tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(b"\xff\0a")
    assert read_bounded(tmp_path / "odd", 10) == "\ufffd\0a"


def test_usual_places_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("")
    assert discover([tmp_path / "gone", tmp_path / "there", tmp_path]) == [LeaseSource(tmp_path / "there")]
    assert all(path.is_absolute() for path in leases.USUAL_PLACES)


def test_a_signature_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "leases"
    assert signature([path]) == (None,)
    path.write_text("a")
    first = signature([path])
    path.write_text("ab")
    assert signature([path]) not in {first, (None,)}
