from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egret.errors import SourceError
from egret.sources import hosts
from egret.sources.hosts import parse_hosts, read_hosts

TEXT = """\
127.0.0.1 localhost
::1 localhost
0.0.0.0 ads.example
fe80::1 router
192.0.2.7\tPrinter.example. printer # upstairs
192.0.2.7 second
2001:db8::7 printer
192.0.2.9 <script>
192.0.2.10
nonsense here
"""


def test_the_first_name_of_each_address(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text(TEXT)
    found = {str(ip_address(ip)): name for ip, name in read_hosts(path).items()}
    assert found == {"192.0.2.7": "printer.example", "2001:db8::7": "printer"}


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read_hosts(tmp_path / "gone")


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "MAX_HOSTS", 1)
    assert len(parse_hosts("192.0.2.1 a\n192.0.2.2 b\n")) == 1


@given(st.text())
def test_anything_is_names_or_nothing(text: str) -> None:
    assert isinstance(parse_hosts(f"192.0.2.1 {text}"), dict)
