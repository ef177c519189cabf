"""Who the clients are, kept current while the daemon runs: files and the neighbour table as they change."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence

from egret.daemon.clients import ClientReader, declared, learn
from egret.errors import SourceError
from egret.judge.directory import ClientDirectory, Mark
from egret.judge.identity import is_unknown
from egret.model import ClientIdentity
from egret.settings.clients_section import Clients
from egret.sources.neighbours import read_neighbours
from egret.telemetry import Telemetry
from egret.telemetry.table import ClientSource, Stage
from egret.worker.wire import Speakers

PATIENCE_S = 2.0
ASK_SHARE = 0.02  # of the event loop's time, which waits for the kernel: a millisecond for some hundred neighbours
ASK_CREDIT_S = 0.25  # many clients may be new at once, after a start


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
