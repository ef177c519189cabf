"""Answers as they were on the wire, one behind the other, by client: a hundred thousand of them are no objects."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from struct import Struct
from struct import error as StructError  # noqa: N812 (the exception's own name says nothing here)
from typing import Protocol

CLIENT_COST = 200  # bytes of bookkeeping that a client costs beside its answers
_HEAD = Struct("=qH")  # when it came, and its size
_HEAD_OF, _HEAD_SIZE, _SIZE_OF = _HEAD.pack, _HEAD.size, Struct("=8xH").unpack_from
_HEADER, _HTTPS = 12, b"\0\x41"  # where a message's question begins; its type stands behind the first zero byte
_EARLIEST, _LATEST = -(1 << 63), (1 << 63) - 1


class Waits(Protocol):
    """What keeps answers: ``Waiting``, or the compiled one of a gate."""

    @property
    def limit(self) -> int:
        """As in ``Waiting``."""
        ...

    def __len__(self) -> int:
        """Answers that are kept."""
        ...

    def add(self, client: bytes, time_ns: int, wire: bytes, /) -> None:
        """As ``Waiting.add``."""
        ...

    def take(self, client: bytes, /) -> list[tuple[int, bytes]]:
        """As ``Waiting.take``."""
        ...

    def services(self, client: bytes, /) -> list[tuple[int, bytes]]:
        """As ``Waiting.services``."""
        ...

    def take_dropped(self) -> int:
        """As ``Waiting.take_dropped``."""
        ...


class Waiting:
    """Keeps at most *limit* bytes; beyond it the older half goes of what the client was told that waits longest."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._clients: OrderedDict[bytes, bytearray] = OrderedDict()
        self._scanned: dict[bytes, int] = {}  # of what a client was told: how much ``services`` went through
        self._held = self._count = self._dropped = 0

    def __len__(self) -> int:
        return self._count

    def add(self, client: bytes, time_ns: int, wire: bytes, /) -> None:
        """Keep what *client* was told (a DNS message: less than 64 KB)."""
        self.add_all(((client, time_ns, wire),))

    def add_all(self, answers: Iterable[tuple[bytes, int, bytes]], /) -> None:
        """The same of many answers: who got each, when, the message."""
        told_to, held = self._clients.get, self._held
        for client, time_ns, wire in answers:
            told, size = told_to(client), len(wire)
            if told is None:
                told = self._clients[client] = bytearray()
                held += CLIENT_COST
            try:
                told += _HEAD_OF(time_ns, size)
            except StructError:
                told += _HEAD_OF(_LATEST if time_ns > 0 else _EARLIEST, size)
            told += wire
            held += _HEAD_SIZE + size
            self._count += 1
            while held > self.limit:
                held -= self._make_room()
        self._held = held

    def take(self, client: bytes, /) -> list[tuple[int, bytes]]:
        """What *client* was told and when, in that order; it is kept no more."""
        told = self._clients.pop(client, None)
        self._scanned.pop(client, None)
        if told is None:
            return []
        answers, at = [], 0
        while at < len(told):
            time_ns, size = _HEAD.unpack_from(told, at)
            at += _HEAD.size + size
            answers.append((time_ns, bytes(told[at - size : at])))
        self._held -= CLIENT_COST + len(told)
        self._count -= len(answers)
        return answers

    def services(self, client: bytes, /) -> list[tuple[int, bytes]]:
        """The answers to *client* about HTTPS records (RFC 9460), as ``take``; each but once, and all stay."""
        told = self._clients.get(client)
        if told is None:
            return []
        answers, at = [], self._scanned.get(client, 0)
        while at < len(told):
            time_ns, size = _HEAD.unpack_from(told, at)
            at += _HEAD.size + size
            wire = bytes(told[at - size : at])
            if wire[wire.find(0, _HEADER) + 1 :][:2] == _HTTPS and len(wire) > _HEADER:
                answers.append((time_ns, wire))
        self._scanned[client] = at
        return answers

    def _make_room(self) -> int:
        """Drop the older half of what one client was told, and say how many bytes are held no more."""
        client, told = self._clients.popitem(last=False)
        self._scanned.pop(client, None)
        starts, at = [], 0
        while at < len(told):
            starts.append(at)
            at += _HEAD_SIZE + _SIZE_OF(told, at)[0]
        half = (len(starts) + 1) // 2
        self._dropped += half
        self._count -= half
        if half == len(starts):
            return CLIENT_COST + len(told)
        self._clients[client] = told[starts[half] :]
        return starts[half]

    def take_dropped(self) -> int:
        """How many were dropped since the last time."""
        dropped, self._dropped = self._dropped, 0
        return dropped
