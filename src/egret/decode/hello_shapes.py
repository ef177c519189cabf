"""``read_plain`` in a fifth of its time, for hellos of a shape that was walked before.

One program's hellos for names of one length differ in few places: its random, its session's id and ticket, its keys,
an Encrypted Client Hello, the name. Of these the walk reads the name, which it holds against a pattern, and one byte,
which it only gives. So where two hellos are as long and equal everywhere else, the walk over the second takes every
step that it took over the first, and ends with what lies where it lay in the first
(tests/property/test_hello_shapes.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterator
from struct import Struct
from typing import NamedTuple

from egret.decode.plain_hello import (
    ECH,
    KEY_SHARE,
    MAX_PLAIN,
    NO_ECH,
    SERVER_NAME,
    SESSION_AT,
    Plain,
    extensions,
    is_plain_host,
    read_plain,
)

MAX_SHAPES = 1_024  # of at most ``MAX_PLAIN`` bytes each
MAX_OF_PROGRAM = 256  # then it never says the same twice: some browsers shuffle their extensions
_TELLS = 12  # bytes of a program's list of ciphers that tell it from others
_RANDOM = (11, 43)
_TICKET, _PRE_SHARED_KEY = 35, 41


class Shape(NamedTuple):
    """What a walk over one hello found."""

    unpack: Callable[[bytes], tuple[bytes, ...]]  # gives all that must be equal
    equal: tuple[bytes, ...]
    start: int  # of the name
    stop: int
    ech: int  # where the id of a configuration lies; 0: nowhere


_NOTHING_MET: tuple[slice, dict[bytes, Shape]] = slice(0), {}


class HelloShapes:
    """Remembers the shapes of plain hellos.

    Args:
        known: hosts that ``read_plain`` has given before; they are not held against the pattern again.
    """

    def __init__(self, known: Container[bytes] = ()) -> None:
        self._known = known
        self._shapes: dict[tuple[int, bytes, bytes], Shape] = {}
        # What was met, by length where the name's length lay the last time, and by that: nearly always that again.
        self._latest: dict[int, tuple[slice, dict[bytes, Shape]]] = {}
        self._places: dict[bytes, slice] = {}  # by program: where the length of the name lies
        self._learnt: Counter[bytes] = Counter()

    def read(self, data: bytes) -> Plain | None:
        """As ``read_plain``."""
        place, met = self._latest.get(len(data), _NOTHING_MET)
        shape = met.get(data[place])
        if shape is None or shape[0](data) != shape[1]:
            shape = self.shape_of(data)
            if shape is None:
                return self._learn(data)
            self._meet(data, shape)
        _, _, start, stop, ech = shape
        host = data[start:stop]
        plain = host in self._known or is_plain_host(host)
        return (host, data[ech] if ech else NO_ECH) if plain else None

    def _meet(self, data: bytes, shape: Shape) -> None:
        place = slice(shape.start - 2, shape.start)
        before, met = self._latest.get(len(data), _NOTHING_MET)
        if before != place:
            self._latest[len(data)] = place, (met := {})
        met[data[place]] = shape

    def _learn(self, data: bytes) -> Plain | None:
        program = _program(data)
        found = read_plain(data)
        if found is not None and len(data) <= MAX_PLAIN and self._learnt[program] < MAX_OF_PROGRAM:
            self._remember(data, program)
        return found

    def shape_of(self, data: bytes) -> Shape | None:
        """The shape of a hello that ``read`` gave a name of, if it is remembered."""
        program = _program(data)
        place = self._places.get(program)
        shape = None if place is None else self._shapes.get((len(data), program, data[place]))
        return shape if shape is not None and shape.unpack(data) == shape.equal else None

    def _remember(self, data: bytes, program: bytes) -> None:
        if len(self._shapes) >= MAX_SHAPES:
            self._shapes.clear()
            self._latest.clear()
            self._places.clear()
            self._learnt.clear()
        self._learnt[program] += 1
        shape = _shape_of(data)
        place = self._places[program] = slice(shape.start - 2, shape.start)
        self._shapes[len(data), program, data[place]] = shape


def _program(data: bytes) -> bytes:
    """What tells programs apart: where the list of ciphers begins, if this is a hello."""
    at = SESSION_AT + 1 + data[SESSION_AT] if len(data) > SESSION_AT else 0
    return data[at : at + _TELLS]


def _shape_of(data: bytes) -> Shape:
    """The shape of a hello of which the walk gave a name."""
    layout, at, name, ech = [], 0, (0, 0), 0
    for start, stop, is_name in _free(data):
        layout.append(f"{start - at}s{stop - start}x")
        at = stop
        if is_name:
            name = start, stop
    unpack = Struct("=" + "".join(layout) + f"{len(data) - at}s").unpack
    for kind, start, _ in extensions(data):
        if kind == ECH:
            ech = start + 5
    return Shape(unpack, unpack(data), *name, ech)


def _free(data: bytes) -> Iterator[tuple[int, int, bool]]:
    """Where others of its shape may differ, in order, and whether the name is there."""
    session = SESSION_AT + 1
    yield *_RANDOM, False
    yield session, session + data[SESSION_AT], False
    for kind, start, stop in extensions(data):
        if kind == SERVER_NAME:
            yield start + 5, stop, True
        elif kind in {_TICKET, _PRE_SHARED_KEY}:
            yield start, stop, False
        elif kind == ECH:
            yield start + 1, stop, False
        elif kind == KEY_SHARE:
            at, last = start + 2, start + 2 + int.from_bytes(data[start : start + 2])
            while at < last:
                size = int.from_bytes(data[at + 2 : at + 4])
                yield at + 4, at + 4 + size, False
                at += 4 + size
