from __future__ import annotations

import pytest

from egret.catalog.hosts import matches, problem
from egret.model import HostKind
from tests.support.catalog import host


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("suffix:qwen.ai", None),
        ("exact:xn--r8jz45g.jp", None),
        ("wildcard:*.a.example.com", None),
        ("wildcard:p*-x.a-*.example.com", None),
        ("suffix:Qwen.ai", "write 'qwen.ai'"),
        ("suffix:qwen.ai.", "write 'qwen.ai'"),
        ("suffix:例え.jp", "A-label"),
        ("exact:https://qwen.ai", "the host alone"),
        ("exact:qwen.ai:443", "the host alone"),
        ("exact:192.0.2.1", "under 'networks'"),
        ("suffix:ai", "at least two labels"),
        ("exact:a..b", "'' is no host label"),
        ("exact:-a.b", "'-a' is no host label"),
        ("exact:a b.c", "'a b' is no host label"),
        ("suffix:*.qwen.ai", "only 'wildcard:'"),
        ("wildcard:qwen.ai", "at least one '*'"),
        ("wildcard:a.*.ai", "last two labels"),
        ("wildcard:*.a?.example.com", "'a?' is no host label"),
        ("exact:" + "a." * 127 + "ab", "at most 253"),
    ],
)
def test_problems_say_what_to_write(text: str, said: str | None) -> None:
    kind, _, pattern = text.partition(":")
    found = problem(HostKind(kind), pattern)
    assert found is None if said is None else found is not None and said in found


def test_matches_at_label_boundaries() -> None:
    assert matches(host("exact:a.b"), "a.b")
    assert not matches(host("exact:a.b"), "x.a.b")
    assert matches(host("suffix:a.b"), "x.a.b")
    assert not matches(host("suffix:a.b"), "xa.b")
    assert matches(host("wildcard:x-*.a.b"), "x-1.a.b")
    assert not matches(host("wildcard:x-*.a.b"), "x-1.2.a.b")
