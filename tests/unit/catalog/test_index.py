from __future__ import annotations

import pytest

from egret.catalog.index import HostIndex, literal_tail, wildcard_expression
from tests.support.catalog import host, signature

INDEX = HostIndex(
    [
        signature("qwen", "suffix:qwen.ai"),
        signature("cloud", "suffix:aliyuncs.com"),
        signature("api", "suffix:dashscope.aliyuncs.com", host("exact:dashscope.aliyuncs.com", "CN (cn-beijing)")),
        signature("other", "wildcard:dashscope-*.aliyuncs.com", "exact:dashscope-intl.aliyuncs.com"),
        signature("bailian", "wildcard:bailian.*.aliyuncs.com", "wildcard:*.cn-beijing.aliyuncs.com"),
        signature("short", "suffix:z.ai"),
        signature("late", "suffix:qwen.ai", "exact:dashscope.aliyuncs.com"),
    ]
)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("qwen.ai", "qwen.ai"),
        ("a.b.qwen.ai", "qwen.ai"),
        ("notqwen.ai", None),
        ("qwen.ai.example.com", None),
        ("qwen", None),
        ("ai", None),
        ("", None),
        ("z.ai", "z.ai"),
        ("quiz.ai", None),
        ("x.oss.aliyuncs.com", "aliyuncs.com"),
        ("coding.dashscope.aliyuncs.com", "dashscope.aliyuncs.com"),
        ("dashscope-intl.aliyuncs.com", "dashscope-intl.aliyuncs.com"),
        ("dashscope-eu.aliyuncs.com", "dashscope-*.aliyuncs.com"),
        ("dashscope-.aliyuncs.com", "aliyuncs.com"),
        ("x.dashscope-eu.aliyuncs.com", "aliyuncs.com"),
        ("bailian.cn-shanghai.aliyuncs.com", "bailian.*.aliyuncs.com"),
        ("bailian.a.b.aliyuncs.com", "aliyuncs.com"),
        ("bailian.cn-beijing.aliyuncs.com", "*.cn-beijing.aliyuncs.com"),
    ],
)
def test_the_most_specific_pattern_decides(name: str, pattern: str | None) -> None:
    match = INDEX.find(name)
    assert (match.pattern if match else None) == pattern


def test_the_first_signature_keeps_what_two_claim() -> None:
    match = INDEX.find("qwen.ai")
    assert match is not None
    assert match.signature.id == "qwen"


def test_the_region_of_the_pattern_that_decided_is_told() -> None:
    exact, below = INDEX.find("dashscope.aliyuncs.com"), INDEX.find("a.dashscope.aliyuncs.com")
    assert exact is not None
    assert below is not None
    assert (exact.region, below.region) == ("CN (cn-beijing)", None)


@pytest.mark.parametrize(
    ("pattern", "tail"),
    [("a.*.b.c", "b.c"), ("*-x.b.c", "b.c"), ("a*.*b.c.d", "c.d"), ("a.*", "")],
)
def test_literal_tail(pattern: str, tail: str) -> None:
    assert literal_tail(pattern) == tail


def test_a_wildcard_stays_inside_its_label() -> None:
    expression = wildcard_expression("a.*.example.com")
    assert expression.fullmatch("a.b.example.com")
    assert not expression.fullmatch("a.b.c.example.com")
    assert not expression.fullmatch("a..example.com")
    assert not expression.fullmatch("a.b.exampleXcom")
