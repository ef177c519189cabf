from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import pytest

from egret.catalog import lint_hosts
from egret.catalog.located import Located
from egret.errors import Position
from egret.model import HostKind, HostPattern, ServiceClass, Signature
from egret.value import replace
from tests.support.catalog import signature

LINES = count(1)


def located(item: Signature, distinct_from: Sequence[str] = ()) -> Located:
    places = tuple(Position("f", next(LINES), 1) for _ in (*item.hosts, *item.networks))
    split = len(item.hosts)
    return Located(
        signature=item,
        place=Position("f", 1, 1),
        hosts=places[:split],
        networks=places[split:],
        distinct_from=frozenset(distinct_from),
    )


def claims(*items: Signature) -> list[lint_hosts.Claim]:
    return lint_hosts.claims(located(item) for item in items)


def test_the_same_host_twice_is_a_duplicate_but_not_of_another_kind() -> None:
    found = list(
        lint_hosts.duplicates(
            claims(signature("a", "suffix:x.example", "exact:x.example"), signature("b", "suffix:x.example"))
        )
    )
    assert [f.message for f in found] == ["'x.example' is in 'a' already and never reached here"]


def test_the_same_network_twice_is_a_duplicate_where_ports_meet() -> None:
    one = located(signature("a", networks=("192.0.2.1/32",), ports=(443, 853)))
    meets = located(signature("b", networks=("192.0.2.1/32",), ports=(853,)))
    apart = located(signature("c", networks=("192.0.2.1/32",), ports=(80,)))
    assert [f.message for f in lint_hosts.duplicate_networks([one, meets, apart])] == [
        "'192.0.2.1/32' is in 'a' already and never reached here"
    ]


def test_a_covered_host_that_says_nothing_is_redundant() -> None:
    bare = HostPattern(kind=HostKind.EXACT, pattern="a.x.example")
    told = HostPattern(kind=HostKind.EXACT, pattern="b.x.example", source="seen")
    suffix = HostPattern(kind=HostKind.SUFFIX, pattern="x.example")
    found = list(lint_hosts.redundant(claims(signature("a", suffix, bare, told))))
    assert [f.message for f in found] == ["'a.x.example' is covered by suffix 'x.example' of the same signature"]


def test_a_lesser_class_below_an_ai_suffix_is_a_shadow() -> None:
    ai = signature("a", "suffix:x.example", "exact:y.example")
    broad = signature("b", "suffix:cdn.x.example", "exact:www.y.example", service_class=ServiceClass.BROAD)
    found = list(lint_hosts.shadows(claims(ai, broad)))
    assert [f.message for f in found] == ["'cdn.x.example' (broad) takes names from 'a' (ai)"]


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        ("a-*.x.example", "*-bb.x.example", None),
        ("a-*.x.example", "*-b.x.example", "a-x-b.x.example"),
        ("a*.x.example", "*b.x.example", "axb.x.example"),
        ("*.b.x.example", "a.*.x.example", None),
        ("a*.c.x.example", "ab.*.x.example", None),
        ("a*.x.example", "b*.x.example", None),
        ("a*.b.x.example", "ab*.x.example", None),
    ],
)
def test_wildcards_of_equal_rank_that_share_a_name(one: str, other: str, common: str | None) -> None:
    found = list(lint_hosts.ambiguous(claims(signature("a", f"wildcard:{one}"), signature("b", f"wildcard:{other}"))))
    assert [f.message for f in found] == (
        [] if common is None else [f"'{other}' and '{one}' of 'a' both match '{common}'"]
    )


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("chat.qwen.ai", "chat.qwem.ai", True),
        ("chat.qwen.ai", "chat.qwn.ai", True),
        ("chat.qwen.ai", "chat.qwenn.ai", True),
        ("chat.qwen.ai", "chat.qwne.ai", True),
        ("chat.qwen.ai", "chat.qwen.ai", False),
        ("trae.ai", "trae.cn", False),
    ],
)
def test_hosts_one_edit_apart(one: str, other: str, *, near: bool) -> None:
    first, second = signature("a", f"exact:{one}"), signature("b", f"exact:{other}")
    assert bool(list(lint_hosts.typos(claims(first, second)))) is near
    checked = lint_hosts.claims([located(first), located(second, [one])])
    assert not list(lint_hosts.typos(checked))


def test_hosts_that_differ_in_the_region_they_state_are_no_typing_error() -> None:
    one = HostPattern(kind=HostKind.SUFFIX, pattern="sg-1.x.example", region="SG (sg-1)")
    other = HostPattern(kind=HostKind.SUFFIX, pattern="sg-2.x.example", region="SG (sg-2)")
    wrong = HostPattern(kind=HostKind.SUFFIX, pattern="sg-3.x.example", region="SG (sg-2)")
    first = replace(signature("a"), hosts=(one,))
    assert not list(lint_hosts.typos(claims(first, replace(signature("b"), hosts=(other,)))))
    assert list(lint_hosts.typos(claims(first, replace(signature("b"), hosts=(wrong,)))))
