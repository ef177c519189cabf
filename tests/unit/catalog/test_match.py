from __future__ import annotations

from egret.catalog.match import CACHED_NAMES, Catalog
from tests.support.catalog import signature

QWEN = signature("example.qwen", "suffix:qwen.ai", networks=("192.0.2.1/32",), ports=(443,))
CATALOG = Catalog([QWEN], "2026.11.22+abc")


def test_names_and_addresses() -> None:
    match = CATALOG.match_name("chat.qwen.ai")
    assert match is not None
    assert match.signature is QWEN
    assert CATALOG.match_name("notqwen.ai") is None
    by_address = CATALOG.match_address(bytes([192, 0, 2, 1]), 443)
    assert by_address is not None
    assert by_address.signature is QWEN
    assert CATALOG.match_address(bytes([192, 0, 2, 1]), 80) is None


def test_what_it_holds() -> None:
    assert CATALOG.signatures == (QWEN,)
    assert CATALOG.version == "2026.11.22+abc"
    assert CATALOG.get("example.qwen") is QWEN
    assert CATALOG.get("nothing") is None


def test_the_cache_is_bounded_and_says_the_same() -> None:
    catalog = Catalog([QWEN], "v")
    for number in range(CACHED_NAMES + 10):
        assert catalog.match_name(f"{number}.example.com") is None
    assert catalog._find.cache_info().currsize == CACHED_NAMES
    assert catalog.match_name("a.qwen.ai") == catalog.match_name("a.qwen.ai") is not None
