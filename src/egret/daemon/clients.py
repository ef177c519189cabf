"""Who the clients are: what the configuration, lease files, a hosts file and the neighbour table say."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from egret.errors import SourceError
from egret.judge.devices import Lease
from egret.judge.directory import ClientDirectory, Declared, StaticClient
from egret.model import Role
from egret.sources.hosts import read_hosts
from egret.sources.leases import LeaseSource, discover, read_leases, signature
from egret.sources.neighbours import Neighbours, read_neighbours
from egret.telemetry.table import ClientSource

if TYPE_CHECKING:
    from egret.settings.clients_section import Clients


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
        roles={role: members for role in Role if (members := getattr(settings.roles, role))},
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
