from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from egret.geo.vendor_reader import open_vendor
from tests.support.geo import ALIBABA, write_mmdb


def test_a_file_in_memory_is_read(tmp_path: Path) -> None:
    reader = open_vendor(write_mmdb(tmp_path / "t.mmdb").read_bytes())
    assert reader.get(ip_address("203.0.113.1")) == ALIBABA
    assert reader.metadata().database_type == "Test-Country-ASN"


@pytest.mark.parametrize("content", [b"", b"no database"])
def test_what_is_none_raises(content: bytes) -> None:
    with pytest.raises((RuntimeError, ValueError, TypeError, OverflowError)):
        open_vendor(content)
