"""What who holds young TCP connections asks of the rest, and tells it."""

from __future__ import annotations

from collections.abc import Callable

from egret.model import Nameless, Recognition
from egret.track.observer import Observer
from egret.track.preludes import may_hold_request
from egret.track.recognise import recognise_anywhere
from egret.track.young import TakePlain
from egret.worker.proxied import Proxied


class Surroundings:
    """What is asked of the rest before a connection is held, and told when it is done with.

    Args:
        observer: what sees all that is not held, and what is let go.
        take: counts a hello of which nothing need be told.
        take_nameless: the same of a connection that said nothing; given its ends and why it has no name.
        proxied: the same of tunnels.
    """

    def __init__(
        self,
        observer: Observer,
        take: TakePlain,
        take_nameless: Callable[[bytes, Nameless], bool],
        proxied: Proxied,
    ) -> None:
        self._young = observer.streams.young
        self._decided = observer.streams.young.decided
        self.followed, self.decided_either = self._young.followed, self._young.knows_either
        self.take, self._take_nameless = take, take_nameless
        self.proxied = proxied
        self._name_of = observer.answers.name_of
        self.pass_over, self.decide_ends = self._young.pass_over, self._young.decide_ends
        self.volumes = observer.volumes

    def is_decided(self, ends: bytes) -> bool:
        """Whether they know what it is."""
        return self._decided.get(hash(ends)) is not None

    def is_measured(self, ends: bytes) -> bool:
        """Whether the bytes of the addresses' traffic are counted."""
        size = (len(ends) - 4) // 2
        armed = self.volumes.armed
        return self.volumes.active and (ends[:size] in armed or ends[size:-4] in armed)

    def is_told(self, host: bytes, ech: int, ends: bytes, back: bytes, first: int, end: int, time_ns: int) -> bool:
        """Whether nothing more need be told of a hello: it is counted, and its connection remembered as decided.

        Args:
            host: that it names.
            ech: the id of a configuration of its Encrypted Client Hello, or ``NO_ECH``.
            ends: of its direction.
            back: of the other direction.
            first: its first sequence number.
            end: the one behind it.
            time_ns: when it was whole.
        """
        if not self.take(host, ech, ends, time_ns):
            return False
        self.pass_over(hash(ends), hash(back), first, end)
        return True

    def is_unread(self, data: bytes, ends: bytes, back: bytes, first: int, time_ns: int) -> bool:
        """The same of a connection whose client said nothing that we read: *data*, which ended at *time_ns*."""
        if may_hold_request(data):
            return False
        if any(recognise_anywhere(data, final=final).recognition is not Recognition.NO for final in (False, True)):
            return False
        return self.is_nameless(ends, back, first, True, time_ns)

    def is_nameless(self, ends: bytes, back: bytes, first: int, spoke: bool, time_ns: int) -> bool:
        """The same of a connection that was answered and ended without a name: as ``Streams`` gives one up.

        Args:
            ends: of its client's direction.
            back: of the other direction.
            first: its first sequence number.
            spoke: whether its client said anything.
            time_ns: when it ended.
        """
        size = (len(ends) - 4) // 2
        if self._name_of(ends[:size], ends[size:-4], time_ns) is not None:
            return False
        if not self._take_nameless(ends, Nameless.NOT_RECOGNISED if spoke else Nameless.NO_PAYLOAD):
            return False
        key = hash(ends)
        self._young.decide_ends(key, hash(back), first)
        if spoke:
            self._young.late.expect(key)
        return True
