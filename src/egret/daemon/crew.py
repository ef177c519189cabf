"""The workers: started through the opener, listened to, and started again when they die."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from egret.catalog.match import Catalog
from egret.errors import SourceError
from egret.model import Volume
from egret.sources.channel import Channel, ChannelClosed
from egret.sources.opener import OpenerClient
from egret.sources.opener_plan import Death
from egret.telemetry import Telemetry
from egret.telemetry.table import Stage
from egret.track.answers import Learnt
from egret.worker.pipeline import Hit
from egret.worker.wire import Equipped, Heard, Moved, Recollection, Report, Speakers, WireError, decode, encode_learnt

RESTART_FIRST_S, RESTART_MOST_S = 0.2, 30.0
STEADY_S = 60.0  # a worker that ran this long earns a quick restart again
_LAST_BATCHES = 100  # far more than a pipe holds
_BATCH = 256  # messages taken at a time, so that the loop serves others too
EQUIP_S = 5.0  # what a worker has to take a kit in; it takes some 20 ms
_EQUIP_LOOK_S = 0.02
MAX_REMEMBERED = 2_000  # flagged names of addresses, for the next worker; the youngest


class OpenerGoneError(SourceError):
    """The opener died: nothing can be captured any more, and the service manager should start us anew."""


@dataclass(frozen=True, slots=True)
class Kit:
    """Equipment that workers are handed; the descriptor is the crew's to close."""

    generation: int
    catalog: Catalog  # to read what they say with it
    descriptor: int


@dataclass(slots=True)
class _Member:
    index: int
    catalog: Catalog  # the one that it matches with now
    channel: Channel | None = None
    told: int = 0  # the generation of the kit that it was handed last; 0: none
    has: int = 0  # and of the one that it uses
    started_s: float = 0.0
    tracked: Mapping[str, int] = field(default_factory=dict)  # entries of its tables, as it said last
    restart_after_s: float = RESTART_FIRST_S


class Crew:
    """All workers of a daemon.

    Args:
        opener: starts them.
        number: how many.
        catalog: the one that the workers match with, to read their messages.
        on_hit: gets each hit.
        telemetry: gets the counts.
        on_volume: gets what each client and service moved.
    """

    def __init__(
        self,
        opener: OpenerClient,
        number: int,
        catalog: Catalog,
        on_hit: Callable[[Hit], None],
        telemetry: Telemetry,
        on_volume: Callable[[Volume], None] = lambda _volume: None,
    ) -> None:
        self._opener = opener
        self._catalog = self._forked_with = catalog
        self._kit: Kit | None = None
        self._on_hit = on_hit
        self._on_volume = on_volume
        self.on_speakers: Callable[[Speakers], None] = _nobody  # gets the clients that speak for others
        self.on_heard: Callable[[int, Hit], None] = _deaf  # gets the canary, and which worker heard it
        self._telemetry = telemetry
        self._members = {index: _Member(index, catalog) for index in range(number)}
        self._loop = asyncio.get_running_loop()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._stopping = False
        self._learnt: OrderedDict[tuple[bytes, bytes], tuple[str, int]] = OrderedDict()
        self._learnt_changed = False
        self.links: dict[str, bool] = {}  # interface: up, as last reported

    @property
    def running(self) -> int:
        """How many workers run now."""
        return sum(member.channel is not None for member in self._members.values())

    @property
    def workers(self) -> tuple[int, ...]:
        """The workers that there should be, running or not."""
        return tuple(self._members)

    def recall(self, learnt: Iterable[Learnt]) -> None:
        """Begin with flagged names that an earlier daemon's workers learnt; workers that run already are told.

        Where it comes late, what was learnt since stands.
        """
        changed = self._learnt_changed
        flagged = (each for each in learnt if self._catalog.match_name(each.name) is not None)
        older = [each for each in flagged if (each.client, each.address) not in self._learnt]
        self._keep(older)
        self._learnt_changed = changed
        for channel in [member.channel for member in self._members.values() if member.channel is not None]:
            for message in encode_learnt(older):
                with contextlib.suppress(ChannelClosed):
                    channel.send(message)

    def take_learnt(self) -> list[Learnt] | None:
        """The flagged names of addresses, for the store; None if nothing came since the last call."""
        if not self._learnt_changed:
            return None
        self._learnt_changed = False
        return [Learnt(*key, *value) for key, value in self._learnt.items()]

    def start(self) -> None:
        """Start every worker.

        Raises:
            SourceError: the opener cannot.
        """
        self._loop.add_reader(self._opener.fileno(), self._deaths)
        for index in self._members:
            self._spawn(index)

    async def equip(self, kit: Kit, patience_s: float = EQUIP_S) -> int:
        """Hand *kit* to every worker, now and to those that start later; they go on capturing meanwhile.

        Returns:
            How many did not take it in time; they are ended, and start again with it.
        """
        before, self._kit, self._catalog = self._kit, kit, kit.catalog
        if before is not None:
            os.close(before.descriptor)
        end_s = self._loop.time() + patience_s
        while (late := self._without(kit)) and self._loop.time() < end_s:
            for member in late:
                self._hand(member)
            await asyncio.sleep(_EQUIP_LOOK_S)
        for index, member in self._members.items():
            if any(member is each for each in late):
                self._opener.kill_worker(index)
        return len(late)

    def _without(self, kit: Kit) -> list[_Member]:
        return [each for each in self._members.values() if each.channel is not None and each.has != kit.generation]

    def _hand(self, member: _Member) -> None:
        """Send the kit if the worker was not sent it yet; a full or closed channel is for the next look."""
        kit = self._kit
        if kit is None or member.channel is None or member.told == kit.generation:
            return
        with contextlib.suppress(ChannelClosed):
            if member.channel.send({"equip": kit.generation}, [kit.descriptor]):
                member.told = kit.generation

    async def gone(self) -> None:
        """Wait until the opener dies.

        Raises:
            OpenerGoneError: it did.
        """
        await self._gone

    async def stop(self) -> None:
        """Let the workers say what they still hold, then end them with the opener."""
        self._stopping = True
        self._loop.remove_reader(self._opener.fileno())
        for member in self._members.values():
            if member.channel is not None:
                self._listen(member)
                self._hang_up(member)
        await asyncio.to_thread(self._opener.close)
        if self._kit is not None:
            os.close(self._kit.descriptor)
            self._kit = None

    def _spawn(self, index: int) -> None:
        if self._stopping:
            return
        member = self._members[index]
        worker = self._opener.spawn_worker(index)
        member.channel, member.started_s = worker.channel, self._loop.time()
        member.catalog, member.told, member.has = self._forked_with, 0, 0
        self._hand(member)
        for message in encode_learnt([Learnt(*key, *value) for key, value in self._learnt.items()]):
            worker.channel.send(message)
        self._loop.add_reader(worker.channel.fileno(), self._listen, member)
        self._telemetry.workers_up(self.running)

    def _listen(self, member: _Member) -> bool:
        """Take what a worker says; bounded, the reader fires again for the rest. Whether there may be more."""
        try:
            for _ in range(_BATCH):
                received = member.channel.receive() if member.channel else None
                if received is None:
                    return False
                self._take(member, received.message)
        except ChannelClosed:
            self._hang_up(member)
        except SourceError as error:
            self._telemetry.internal_error(Stage.WIRE, error)
        return member.channel is not None

    def _take(self, member: _Member, message: dict[str, object]) -> None:
        try:
            said = decode(message, member.catalog)
        except WireError as error:
            self._telemetry.internal_error(Stage.WIRE, error)
            return
        if isinstance(said, Hit):
            self._on_hit(said)
        elif isinstance(said, Recollection):
            self._remember(said)
            self._pass_on(member, said)
        elif isinstance(said, Moved):
            for volume in said.volumes:
                self._on_volume(volume)
        elif isinstance(said, Heard):
            self.on_heard(member.index, said.hit)
        elif isinstance(said, Speakers):
            self.on_speakers(said)
        elif isinstance(said, Equipped):
            self._equipped(member, said)
        else:
            self._report(member, said)

    def _equipped(self, member: _Member, said: Equipped) -> None:
        """From here on it speaks with the kit that it was handed; of an older one the answer came late."""
        if self._kit is not None and said.generation == self._kit.generation == member.told:
            member.has, member.catalog = said.generation, self._kit.catalog

    def _remember(self, said: Recollection) -> None:
        """Keep flagged names for the next worker: one that died must not forget what its clients look up once a day."""
        self._keep(said.learnt)

    def _pass_on(self, teller: _Member, said: Recollection) -> None:
        """Tell the other workers, too: a client's answers may come to one of them and its connections to another.

        Where workers share an interface the kernel keeps a client's flows together, but cannot always know who is the
        client. A pipe that is full misses it, as a look-up that was not seen would be missed.
        """
        flagged = [each for each in said.learnt if self._catalog.match_name(each.name) is not None]
        for member in self._members.values():
            if member is not teller and member.channel is not None:
                with contextlib.suppress(ChannelClosed):
                    for message in encode_learnt(flagged):
                        member.channel.send(message)

    def forget(self, is_theirs: Callable[[bytes], bool]) -> int:
        """Forget the flagged names of addresses that a client was told; how many."""
        gone = [key for key in self._learnt if is_theirs(key[0])]
        for key in gone:
            del self._learnt[key]
        self._learnt_changed = self._learnt_changed or bool(gone)
        return len(gone)

    def _keep(self, learnt: Iterable[Learnt]) -> None:
        self._learnt_changed = True
        for client, address, name, until_ns in learnt:
            if self._catalog.match_name(name) is not None:
                self._learnt[client, address] = (name, until_ns)
                self._learnt.move_to_end((client, address))
        while len(self._learnt) > MAX_REMEMBERED:
            self._learnt.popitem(last=False)

    def _report(self, member: _Member, report: Report) -> None:
        self._telemetry.apply_worker_counts(report.counts)
        member.tracked = report.gauges
        for table in report.gauges:
            self._telemetry.tracked(table, sum(each.tracked.get(table, 0) for each in self._members.values()))
        for link in report.links:
            self.links[link.interface] = link.up
            self._telemetry.link(link.interface, received=link.received, dropped=link.dropped, up=link.up)

    def _hang_up(self, member: _Member) -> None:
        if member.channel is not None:
            self._loop.remove_reader(member.channel.fileno())
            member.channel.close()
            member.channel = None

    def _deaths(self) -> None:
        try:
            for death in self._opener.events():
                self._bury(death)
        except ChannelClosed:
            self._loop.remove_reader(self._opener.fileno())
            if not self._gone.done():
                self._gone.set_exception(OpenerGoneError("the opener is gone; nothing can be captured any more"))

    def _bury(self, death: Death) -> None:
        member = self._members.get(death.index)
        if member is None:
            return
        for _ in range(_LAST_BATCHES):  # what it said before it died
            if not self._listen(member):
                break
        self._hang_up(member)
        member.tracked = {}
        self._telemetry.workers_up(self.running)
        self._telemetry.worker_restarted(_cause(death.status))
        if self._loop.time() - member.started_s >= STEADY_S:
            member.restart_after_s = RESTART_FIRST_S
        self._loop.call_later(member.restart_after_s, self._again, death.index)
        member.restart_after_s = min(RESTART_MOST_S, member.restart_after_s * 2)

    def _again(self, index: int) -> None:
        try:
            self._spawn(index)
        except SourceError as error:
            self._telemetry.log.repeated(logging.ERROR, "worker_not_started", why=str(error))
            member = self._members[index]
            self._loop.call_later(member.restart_after_s, self._again, index)


def _nobody(_: Speakers) -> None:
    """Where nobody wants to know who speaks for others."""


def _deaf(_worker: int, _hit: Hit) -> None:
    """Where no canary sings."""


def _cause(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"exit code {status}"
