"""The index says what the naive loop says."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from egret.catalog.hosts import problem
from egret.catalog.index import HostIndex
from egret.model import HostKind, HostPattern, Signature
from tests.support.catalog import bundled, naive_find, signature

LABELS = st.sampled_from(["a", "b", "ab", "a-b", "x"])
NAMES = st.lists(LABELS, min_size=1, max_size=5).map(".".join)
WILD = st.sampled_from(["*", "a*", "*b", "a-*", "a*b", "a", "b"])
BUNDLED = bundled()
SEEDS = [h.pattern for s in BUNDLED.signatures for h in s.hosts]


@st.composite
def patterns(draw: st.DrawFn) -> HostPattern:
    kind = draw(st.sampled_from(list(HostKind)))
    if kind is not HostKind.WILDCARD:
        return HostPattern(kind=kind, pattern=draw(NAMES.filter(lambda name: "." in name)))
    wild = draw(st.lists(WILD, min_size=1, max_size=3))
    tail = draw(st.lists(LABELS, min_size=2, max_size=2))
    return HostPattern(kind=kind, pattern=".".join(wild + tail))


CATALOGUES = st.lists(st.lists(patterns().filter(lambda p: not problem(p.kind, p.pattern)), max_size=4), max_size=6)


@settings(max_examples=200, deadline=None)
@given(CATALOGUES, st.lists(NAMES, min_size=1, max_size=8))
def test_index_is_the_naive_loop(groups: list[list[HostPattern]], asked: list[str]) -> None:
    signatures = [signature(f"s{n}", *group) for n, group in enumerate(groups)]
    index = HostIndex(signatures)
    for name in asked:
        assert index.find(name) == naive_find(signatures, name)


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """Names around those the bundled catalogue knows: glued, cut, prefixed, another ending."""
    seed = draw(st.sampled_from(SEEDS)).replace("*", draw(st.sampled_from(["x", "cn-beijing", "a.b"])))
    before = draw(st.sampled_from(["", "www.", "not", "a.b.", "-", "x-1."]))
    after = draw(st.sampled_from(["", ".example.com", "x", ".cn"]))
    cut = draw(st.integers(0, 3))
    return f"{before}{seed[cut:] if draw(st.booleans()) else seed}{after}".strip(".")


@settings(max_examples=200, deadline=None)
@given(mutations())
def test_the_bundled_catalogue_is_the_naive_loop(name: str) -> None:
    match = BUNDLED.match_name(name)
    naive = naive_find(BUNDLED.signatures, name)
    assert _told(match.signature if match else None) == _told(naive.signature if naive else None)
    assert match == naive


def _told(found: Signature | None) -> str | None:
    return found.id if found else None
