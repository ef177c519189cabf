"""Fragments: cut anywhere, in any order, repeated and overlapping, the datagram is the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from egret.decode.ip import Datagram, Fragment
from egret.decode.packet import Context
from egret.track.fragments import Reassembler

UDP = 17
CONTEXT = Context(0, None)


def piece(data: bytes, start: int, end: int) -> Datagram:
    part = memoryview(data)[start:end]
    return Datagram(b"abcd", b"efgh", UDP, part, len(part), Fragment(4, 1, start, more=end < len(data)))


@st.composite
def pieces(draw: st.DrawFn) -> tuple[bytes, list[Datagram]]:
    """All of a datagram in fragments, some twice, some longer than needed."""
    data = draw(st.binary(min_size=17, max_size=400))
    cuts = sorted({0, *draw(st.sets(st.integers(1, (len(data) - 1) // 8), min_size=1))})
    spans = []
    for index, cut in enumerate(cuts):
        last = index + 1 == len(cuts)
        end = len(data) if last else min(len(data), 8 * (cuts[index + 1] + draw(st.integers(0, 3))))
        end = end if end == len(data) else end - end % 8
        spans.append((8 * cut, end))
    spans += draw(st.lists(st.sampled_from(spans), max_size=3))
    return data, [piece(data, start, end) for start, end in draw(st.permutations(spans))]


@given(pieces())
def test_the_whole_is_the_same(case: tuple[bytes, list[Datagram]]) -> None:
    data, parts = case
    reassembler = Reassembler()
    found = next(whole for part in parts if (whole := reassembler.add(part, CONTEXT)))
    assert bytes(found.payload) == data
    assert found.wire_length == len(data)
    assert reassembler.overlaps == 0


fragments = st.builds(
    lambda offset, data, more, identity: Datagram(
        b"abcd", b"efgh", UDP, memoryview(data), len(data), Fragment(4, identity, 8 * offset, more)
    ),
    st.integers(0, 40),
    st.binary(min_size=8, max_size=64),
    st.booleans(),
    st.integers(0, 3),
)


@given(st.lists(fragments, max_size=40))
def test_bounded_and_balanced_on_any_fragments(parts: list[Datagram]) -> None:
    reassembler = Reassembler(max_bytes=2000, max_datagrams=3)
    for part in parts:
        reassembler.add(part, CONTEXT)
        assert reassembler.bytes <= 2000
        assert len(reassembler) <= 3
    list(reassembler.last_words())
    assert reassembler.bytes == len(reassembler) == 0
