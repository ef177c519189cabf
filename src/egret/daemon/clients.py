"""Who the clients are, kept current: the configuration at once, files and the neighbour table as they change."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from egret.errors import SourceError
from egret.judge.devices import Lease
from egret.judge.directory import ClientDirectory, Declared, Mark, StaticClient
from egret.judge.identity import is_unknown
from egret.model import ClientIdentity, Role
from egret.settings.clients_section import Clients
from egret.sources.hosts import read_hosts
from egret.sources.leases import LeaseSource, discover, read_leases, signature
from egret.sources.neighbours import Neighbours, read_neighbours
from egret.telemetry.table import ClientSource, Stage
from egret.worker.wire import Speakers

if TYPE_CHECKING:  # a replay needs this module, and none of its metrics
    from egret.telemetry import Telemetry

PATIENCE_S = 2.0
ASK_SHARE = 0.02  # of the event loop's time, which waits for the kernel: a millisecond for some hundred neighbours
ASK_CREDIT_S = 0.25  # many clients may be new at once, after a start


def declared(settings: Clients) -> Declared:
    """What the operator says of clients."""
    return Declared(
        static=tuple(
            StaticClient(
                address=ipaddress.ip_address(entry.address).packed if entry.address else None,
                mac=entry.mac,
                subnet=str(entry.subnet) if entry.subnet else None,
                name=entry.name,
                groups=entry.groups,
                role=entry.role,
            )
            for entry in settings.static
        ),
        groups=settings.groups,
        roles={role: getattr(settings.roles, role) for role in Role},
    )


def lease_sources(settings: Clients, *, live: bool) -> list[LeaseSource]:
    """The lease files to read: those that are named, else, live, those of a server on this machine."""
    named = [LeaseSource(entry.path, entry.format) for entry in settings.leases]
    return named or (discover() if live and settings.discover else [])


@dataclass(frozen=True, slots=True)
class News:
    """What changed since the last reading; None: nothing."""

    leases: list[Lease] | None = None
    hosts: Mapping[bytes, str] | None = None
    neighbours: Neighbours | None = None
    problems: Mapping[ClientSource, Sequence[str]] = field(default_factory=dict)


class ClientReader:
    """Reads what is outside of the configuration; blocking, for a thread.

    Args:
        settings: what to read.
        live: whether this machine's own files and neighbours tell of the clients; not in a replay.
    """

    def __init__(self, settings: Clients, *, live: bool) -> None:
        self._settings = settings
        self._live = live
        self._leases: dict[Path, list[Lease]] = {}
        self._seen: dict[tuple[Path, ...], object] = {}
        self._first = True  # what an earlier reader said of files that are not named any more must go
        self._wrong: dict[ClientSource, dict[Path, str]] = {source: {} for source in ClientSource}

    def read(self) -> News:
        """Read every file that changed, and the neighbour table; a file that fails keeps what it last said."""
        leases = self._read_leases()
        hosts = self._read_hosts()
        neighbours = self._read_neighbours()
        self._first = False
        problems = {source: list(wrong.values()) for source, wrong in self._wrong.items()}
        return News(leases, hosts, neighbours, problems)

    def _read_leases(self) -> list[Lease] | None:
        sources = lease_sources(self._settings, live=self._live)
        gone = self._leases.keys() - {source.path for source in sources}
        changed = [source for source in sources if self._changed(source.path)]
        for path in gone:
            del self._leases[path]
        for source in changed:
            try:
                self._leases[source.path] = read_leases(source)
                self._wrong[ClientSource.LEASES].pop(source.path, None)
            except SourceError as error:
                self._wrong[ClientSource.LEASES][source.path] = str(error)
        return [lease for each in self._leases.values() for lease in each] if changed or gone or self._first else None

    def _read_hosts(self) -> Mapping[bytes, str] | None:
        path = self._settings.hosts_file
        if path is None:
            return {} if self._first else None
        if not self._changed(path):
            return None
        try:
            found = read_hosts(path)
        except SourceError as error:
            self._wrong[ClientSource.HOSTS] = {path: str(error)}
            return None
        self._wrong[ClientSource.HOSTS] = {}
        return found

    def _read_neighbours(self) -> Neighbours | None:
        if not (self._live and self._settings.neighbours):
            return None
        wrong = self._wrong[ClientSource.NEIGHBOURS]
        try:
            found = read_neighbours()
        except SourceError as error:
            wrong[Path()] = str(error)
            return None
        wrong.clear()
        return found

    def _changed(self, path: Path) -> bool:
        """Whether a file is another than the last time; Kea sets leases aside beside it while it tidies up."""
        paths = (path, *(path.with_name(path.name + suffix) for suffix in (".completed", ".2", ".1")))
        now = signature(paths)
        if self._seen.get(paths) == now and now[0] is not None:
            return False
        self._seen[paths] = now
        return True


def learn(directory: ClientDirectory, news: News, now_ns: int) -> None:
    """Tell the directory what changed."""
    if news.leases is not None:
        directory.learn_leases(news.leases)
    if news.hosts is not None:
        directory.learn_hosts(news.hosts)
    if news.neighbours is not None:
        directory.devices.learn_neighbours(news.neighbours.entries, news.neighbours.routers, now_ns)


class ClientWatch:
    """Keeps a directory current while the daemon runs, and asks it (``judge.identity.Directory``)."""

    def __init__(self, settings: Clients, directory: ClientDirectory, telemetry: Telemetry) -> None:
        self._directory = directory
        self._telemetry = telemetry
        self._told: frozenset[str] = frozenset()
        self._looking: asyncio.Task[None] | None = None
        self._credit_s, self._credited_s = ASK_CREDIT_S, time.monotonic()
        self.apply(settings)

    def apply(self, settings: Clients) -> None:
        """Use other settings from now on; what was learnt stays until it is read anew."""
        self._refresh_s = settings.refresh.total_seconds()
        self._asks_kernel = settings.neighbours
        self._reader = ClientReader(settings, live=True)
        self._directory.apply(declared(settings))

    async def begin(self) -> None:
        """Look for the first time; a disk that hangs holds nothing up for long."""
        self._looking = asyncio.create_task(self.refresh(), name="client names")
        await asyncio.wait([self._looking], timeout=PATIENCE_S)

    async def run(self) -> None:
        """Go on until cancelled."""
        if self._looking is not None:
            await self._looking
        while True:
            await asyncio.sleep(self._refresh_s)
            await self.refresh()

    async def refresh(self) -> None:
        """Look once. A disk that hangs holds up this task alone."""
        try:
            news = await asyncio.to_thread(self._reader.read)
        except Exception as error:  # noqa: BLE001 - names are a convenience: a bug here must not end the capture
            self._telemetry.internal_error(Stage.DAEMON, error)
            return
        learn(self._directory, news, time.time_ns())
        self._tell(news.problems)

    def identify(self, ip: bytes, time_ns: int) -> ClientIdentity:
        """Who used *ip*; a device that is new here is looked for in the neighbour table at once.

        Its first packet was preceded by its ARP or NDP, so the kernel knows it, and the first alert has its name.
        """
        known = self._directory.identify(ip, time_ns)
        if not is_unknown(known) or not self._asks_kernel or not self._may_ask():
            return known
        began_s = time.thread_time()
        with contextlib.suppress(SourceError):  # counted and said by ``refresh``
            found = read_neighbours()
            self._directory.devices.learn_neighbours(found.entries, found.routers, time.time_ns())
        self._credit_s -= time.thread_time() - began_s
        return self._directory.identify(ip, time_ns)

    def _may_ask(self) -> bool:
        """Whether there is time left: clients that the table does not have would otherwise ask for every packet."""
        now_s = time.monotonic()
        self._credit_s = min(ASK_CREDIT_S, self._credit_s + ASK_SHARE * (now_s - self._credited_s))
        self._credited_s = now_s
        return self._credit_s > 0

    def addresses_of(self, client: str, time_ns: int) -> frozenset[str]:
        """See ``judge.identity.Directory``."""
        return self._directory.addresses_of(client, time_ns)

    def heard(self, speakers: Speakers) -> None:
        """A worker saw clients speak for others."""
        for mark in speakers.marks:
            self._directory.mark(Mark(*mark))

    def _tell(self, problems: Mapping[ClientSource, Sequence[str]]) -> None:
        """Count what cannot be read, and log it once."""
        for source, wrong in problems.items():
            self._telemetry.client_source(source, failing=len(wrong))
        now = frozenset(problem for wrong in problems.values() for problem in wrong)
        for problem in sorted(now - self._told):
            self._telemetry.log.event(logging.WARNING, "client_names_unreadable", why=problem)
        self._told = now
