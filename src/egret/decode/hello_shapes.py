"""``plain_server_name`` in a tenth of its time, for hellos of a shape that was walked before.

One program's hellos for names of one length differ in few places: its random, its session's id and ticket, its keys,
the name. The walk reads none of these but the name, which it holds against a pattern. So where two hellos are as long
and equal everywhere else, the walk over the second takes every step that it took over the first, and ends with the name
that lies where the first one's lay (tests/property/test_hello_shapes.py).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from struct import Struct
from typing import NamedTuple

from egret.decode.plain_hello import (
    KEY_SHARE,
    MAX_PLAIN,
    SERVER_NAME,
    SESSION_AT,
    extensions,
    is_plain_host,
    plain_server_name,
)

MAX_SHAPES = 1_024  # of at most ``MAX_PLAIN`` bytes each
_PROGRAM = slice(76, 88)  # where most programs' lists of ciphers begin, which tells them apart; whatever lies there
_RANDOM = (11, 43)
_TICKET, _PRE_SHARED_KEY = 35, 41


class _Shape(NamedTuple):
    unpack: Callable[[bytes], tuple[bytes, ...]]  # gives all that must be equal
    equal: tuple[bytes, ...]
    start: int  # of the name
    stop: int


class HelloShapes:
    """Remembers the shapes of plain hellos.

    Args:
        known: hosts that ``plain_server_name`` has given before; they are not held against the pattern again.
    """

    def __init__(self, known: Container[bytes] = ()) -> None:
        self._known = known
        self._shapes: dict[tuple[int, bytes, bytes], _Shape] = {}
        self._places: dict[bytes, slice] = {}  # by program: where the length of the name lies

    def server_name(self, data: bytes) -> bytes | None:
        """As ``plain_server_name``."""
        program = data[_PROGRAM]
        place = self._places.get(program)
        if place is not None:
            shape = self._shapes.get((len(data), program, data[place]))
            if shape is not None:
                unpack, equal, start, stop = shape
                if unpack(data) == equal:
                    name = data[start:stop]
                    return name if name in self._known or is_plain_host(name) else None
        host = plain_server_name(data)
        if host is not None and len(data) <= MAX_PLAIN:
            self._remember(data, program)
        return host

    def _remember(self, data: bytes, program: bytes) -> None:
        if len(self._shapes) >= MAX_SHAPES:
            self._shapes.clear()
            self._places.clear()
        shape = _shape_of(data)
        place = self._places[program] = slice(shape.start - 2, shape.start)
        self._shapes[len(data), program, data[place]] = shape


def _shape_of(data: bytes) -> _Shape:
    """The shape of a hello of which the walk gave a name."""
    layout, at, name = [], 0, (0, 0)
    for start, stop, is_name in _free(data):
        layout.append(f"{start - at}s{stop - start}x")
        at = stop
        if is_name:
            name = start, stop
    unpack = Struct("=" + "".join(layout) + f"{len(data) - at}s").unpack
    return _Shape(unpack, unpack(data), *name)


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
        elif kind == KEY_SHARE:
            at, last = start + 2, start + 2 + int.from_bytes(data[start : start + 2])
            while at < last:
                size = int.from_bytes(data[at + 2 : at + 4])
                yield at + 4, at + 4 + size, False
                at += 4 + size
