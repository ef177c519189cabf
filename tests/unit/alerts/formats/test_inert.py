from __future__ import annotations

import pytest

from egret.alerts.formats.inert import cut, fitting, inert, plain
from tests.support.alerts import HOSTILE


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("chat.example", "chat.example"),
        ("büro-7", "büro-7"),
        ("a\nb\x1b[31m", r"a\x0ab\x1b\x5b31m"),
        ("<b>`x`</b>", r"\x3cb\x3e\x60x\x60\x3c/b\x3e"),
        ("[text](https://evil.example)", r"\x5btext\x5d(https://evil.example)"),
        ("to [2001:db8::9]:443, a", "to [2001:db8::9]:443, a"),
        ("[2001:db8::9](x)", r"\x5b2001:db8::9\x5d(x)"),
        ("a|b", r"a\x7cb"),
        ("=1+1", r"\x3d1+1"),
        ("+1", r"\x2b1"),
        ("-x.example", r"\x2dx.example"),
        ("@SUM(A1)", r"\x40SUM(A1)"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_what_could_act_is_spelled_out(text: str, spelled: str) -> None:
    assert inert(text) == spelled


def test_nothing_hostile_is_left() -> None:
    safe = inert(HOSTILE)
    assert safe.isprintable()
    assert not set(safe) & set("<>[]`|\n\r")
    assert inert(safe) == safe


def test_a_chat_finds_no_mention_link_or_emphasis() -> None:
    made = plain("@everyone <!here> [x](https://evil.example) `a`")
    assert made == "@\u200beveryone \u2039!here\u203a (x)(https:\u200b//evil.example) 'a'"
    assert plain(HOSTILE).isprintable()
    assert not set("<>[]`*") & set(plain(HOSTILE))


def test_a_cut_keeps_whole_characters() -> None:
    assert cut("aäb", 4) == "aäb"
    assert cut("aäb", 2) == "a"
    assert cut("aä", -1) == ""
    assert cut("a\ud800", 1) == "a"


def test_what_is_known_and_fits_is_written_in_order() -> None:
    fields = [("a", 1), ("b", None), ("c", ""), ("d", "x" * 50), ("e", 0)]
    assert list(fitting(fields, str.upper, None)) == ["a=1", f"d={'X' * 50}", "e=0"]
    assert list(fitting(fields, str, 8)) == ["a=1", "e=0"]
    assert list(fitting(fields, str, None, longest=2)) == ["a=1", "d=xx", "e=0"]
