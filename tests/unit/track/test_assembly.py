from __future__ import annotations

import random

from egret.track.assembly import MAX_PIECES, Assembly


def test_pieces_in_any_order() -> None:
    whole = bytes(range(200))
    pieces = [(start, whole[start : start + 7]) for start in range(0, 200, 5)]
    for seed in range(20):
        random.Random(seed).shuffle(pieces)
        assembly = Assembly(1000)
        for start, data in pieces:
            assembly.add(start, data)
        assert assembly.run(0) == whole
        assert (assembly.size, assembly.starts(), assembly.conflict) == (200, (0,), False)


def test_random_overlaps_agree_with_a_byte_by_byte_model() -> None:
    for seed in range(200):
        rng = random.Random(seed)
        assembly = Assembly(10_000)
        model: dict[int, int] = {}
        for _ in range(rng.randrange(1, 30)):
            start, data = rng.randrange(-20, 60), rng.randbytes(rng.randrange(0, 25))
            fresh = any(start + at not in model for at in range(len(data)))
            assert assembly.add(start, data) is fresh
            for at, byte in enumerate(data):
                model.setdefault(start + at, byte)
        assert assembly.size == len(model)
        for offset in range(-25, 90):
            run = bytearray()
            while offset + len(run) in model:
                run.append(model[offset + len(run)])
            assert assembly.run(offset) == run
            assert assembly.length_at(offset) == len(run)


def test_the_first_copy_wins_and_the_conflict_is_known() -> None:
    assembly = Assembly(100)
    assembly.add(0, b"first")
    assert not assembly.add(0, b"other")
    assert assembly.run(0) == b"first"
    assert assembly.conflict


def test_bounded_in_bytes() -> None:
    assembly = Assembly(10)
    assert assembly.add(0, b"12345678")
    assert assembly.add(8, b"abcd")
    assert (assembly.run(0), assembly.full) == (b"12345678ab", True)
    assert not assembly.add(50, b"x")
    hole = Assembly(4)
    hole.add(10, b"abcdef")
    assert (hole.run(10), hole.full) == (b"abcd", True)


def test_bounded_in_pieces() -> None:
    assembly = Assembly(1 << 20)
    for offset in range(0, 4 * MAX_PIECES, 2):
        assembly.add(offset, b"x")
    assert len(assembly.starts()) == MAX_PIECES
    assert assembly.full
    assert assembly.cost < 400 * MAX_PIECES


def test_dropping_what_was_used() -> None:
    assembly = Assembly(100)
    assembly.add(0, b"abcdef")
    assembly.add(10, b"xyz")
    assembly.drop_before(4)
    assert (assembly.start, assembly.run(4), assembly.size) == (4, b"ef", 5)
    assembly.drop_before(11)
    assert (assembly.starts(), assembly.run(11)) == ((11,), b"yz")
    assembly.drop_before(99)
    assert (assembly.start, assembly.size, assembly.run(0), assembly.length_at(5)) == (0, 0, b"", 0)


def test_after_all_was_used_it_begins_anew() -> None:
    assembly = Assembly(10)
    assembly.add(3, b"abc")
    assembly.drop_before(6)
    assert (assembly.size, assembly.starts(), assembly.run(3)) == (0, (), b"")
    assembly.add(20, b"de")
    assembly.drop_before(21)
    assert (assembly.size, assembly.starts(), assembly.run(21)) == (1, (21,), b"e")
