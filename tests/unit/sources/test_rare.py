from __future__ import annotations

import pytest

from egret.sources.analysers import FORMATS
from egret.sources.erf import read_erf
from egret.sources.netmon import MAGICS, read_netmon
from egret.sources.rare import reader_of
from egret.sources.snoop import MAGIC, read_snoop
from tests.support.old_captures import erf

KNOWN = {MAGIC: read_snoop, **dict.fromkeys(MAGICS, read_netmon), **FORMATS}


@pytest.mark.parametrize("magic", KNOWN)
def test_what_has_a_magic_is_known_by_it(magic: bytes) -> None:
    assert reader_of((magic + bytes(8))[:8], b"") is KNOWN[magic]


def test_what_has_none_is_known_by_what_follows() -> None:
    start = erf([b"frame"])
    assert reader_of(start[:8], start) is read_erf
    assert reader_of(MAGIC, start) is read_snoop


@pytest.mark.parametrize("start", [b"", b"x", b"PK", b"text of some kind"])
def test_what_is_no_capture_has_no_reader(start: bytes) -> None:
    assert reader_of(start[:8], start) is None
