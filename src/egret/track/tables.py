"""Bounded tables. An attacker chooses the keys, so every table says how much it holds at most."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterator
from typing import Generic, Protocol, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class LruTable(Generic[K, V]):
    """The *limit* entries used last, oldest first; what falls out is counted under *name*."""

    __slots__ = ("_entries", "_evictions", "_limit", "_name", "get", "touch")

    get: Callable[[K], V | None]
    touch: Callable[[K], None]

    def __init__(self, name: str, limit: int, evictions: Counter[str]) -> None:
        self._name = name
        self._limit = limit
        self._evictions = evictions
        # Not a dict: finding its first entry walks over every one that was deleted before it.
        self._entries: OrderedDict[K, V] = OrderedDict()
        self.get = self._entries.get  # looks up; the entry keeps its age
        self.touch = self._entries.move_to_end  # makes an entry the youngest

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def keys(self) -> Collection[K]:
        """What is there now and later, for asking often whether a key is: no call of ours lies between."""
        return self._entries.keys()

    def put(self, key: K, value: V) -> V | None:
        """Put an entry as the youngest. Returns the entry that had to go, if one had to."""
        entries = self._entries
        if key in entries:
            entries[key] = value
            entries.move_to_end(key)
            return None
        evicted = self.evict() if len(entries) >= self._limit else None
        entries[key] = value
        return evicted

    def exchange(self, key: K, value: V) -> None:
        """Another value for an entry that is there, which keeps its age."""
        self._entries[key] = value

    def evict(self) -> V | None:
        """Drop the oldest entry, counted."""
        if not self._entries:
            return None
        self._evictions[self._name] += 1
        return self._entries.popitem(last=False)[1]

    def pop(self, key: K) -> V | None:
        """Take an entry out; not an eviction."""
        return self._entries.pop(key, None)

    def oldest_first(self) -> Iterator[tuple[K, V]]:
        """Every entry; the table must not change meanwhile."""
        return iter(self._entries.items())

    def youngest_first(self) -> Iterator[V]:
        """Every entry; the table must not change meanwhile."""
        return reversed(self._entries.values())


class Used(Protocol):
    """An entry that knows when it was last used; its table is in that order."""

    last_ns: int


U = TypeVar("U", bound=Used)


def unused_since(table: LruTable[K, U], time_ns: int) -> list[U]:
    """The entries last used at *time_ns* or earlier, oldest first."""
    found: list[U] = []
    for _, entry in table.oldest_first():
        if entry.last_ns > time_ns:
            break
        found.append(entry)
    return found


def set_back(table: LruTable[K, U], time_ns: int) -> None:
    """Time was set back: nothing was last used later than *time_ns*."""
    for _, entry in table.oldest_first():
        entry.last_ns = min(entry.last_ns, time_ns)


class Memory(Protocol):
    """What remembers integers for integer keys, as ``Remembered`` does."""

    on_forgetting: Callable[[], object] | None  # called before anything is forgotten

    def __len__(self) -> int:
        """Entries."""
        ...

    def get(self, key: int, /) -> int | None:
        """Look up."""
        ...

    def put(self, key: int, value: int, /) -> None:
        """Remember *value*."""
        ...

    def forget(self, key: int, /) -> None:
        """Remember nothing for *key*."""
        ...


def for_both(
    memory: Memory,
) -> tuple[Callable[[int, int], bool], Callable[[int, int, int, int], object]]:
    """``knows_either`` and ``put_both`` of a memory, whichever it is."""
    if isinstance(memory, Remembered):
        return memory.knows_either, memory.put_both
    get, put = memory.get, memory.put
    return (
        lambda key, other: get(key) is not None or get(other) is not None,
        lambda key, value, other, second: (put(key, value), put(other, second)),
    )


MakeMemory = Callable[[str, int, Counter[str]], Memory]  # given its name, its bound and where evictions are counted


class Remembered:
    """Integers remembered for integer keys (hashes), in two generations.

    When the young generation is full it becomes the old one, and the old one is forgotten. Whatever is
    asked for stays: a look-up that finds it in the old generation moves it. So the entries in use
    survive, at one dict look-up each and no bookkeeping.
    """

    __slots__ = ("_evictions", "_limit", "_name", "_old", "_young", "on_forgetting")

    def __init__(self, name: str, limit: int, evictions: Counter[str]) -> None:
        self._name = name
        self._limit = limit
        self._evictions = evictions
        self.on_forgetting: Callable[[], object] | None = None  # called before anything is forgotten
        self._young: dict[int, int] = {}
        self._old: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, key: int) -> int | None:
        """Look up, and keep what was found for another generation."""
        value = self._young.get(key)
        if value is None and self._old:
            value = self._old.pop(key, None)
            if value is not None:
                self.put(key, value)
        return value

    def put(self, key: int, value: int) -> None:
        """Remember *value*."""
        young = self._young
        if len(young) >= self._limit and key not in young:
            self._evictions[self._name] += len(self._old)
            self._old = young
            self._young = young = {}
            if self.on_forgetting is not None:
                self.on_forgetting()
        young[key] = value

    def knows_either(self, key: int, other: int) -> bool:
        """Whether ``get`` finds one, or else the other."""
        if key in self._young:
            return True
        if key in self._old or other in self._old:
            return self.get(key) is not None or self.get(other) is not None
        return other in self._young

    def put_both(self, key: int, value: int, other: int, second: int) -> None:
        """As ``put`` of one and then of the other."""
        if len(self._young) < self._limit - 1:
            self._young[key], self._young[other] = value, second
        else:
            self.put(key, value)
            self.put(other, second)

    def forget(self, key: int) -> None:
        """Remember nothing for *key*."""
        known = self._young.pop(key, None), self._old.pop(key, None)
        if known != (None, None) and self.on_forgetting is not None:
            self.on_forgetting()
