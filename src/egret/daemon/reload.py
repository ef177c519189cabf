"""New settings, signatures and databases in a running daemon: read whole, then put in place; or the old ones stay.

SIGHUP (``systemctl reload egret``) and ``egret reload`` read everything again. Files that others replace (databases, an
updated catalogue, local signatures) are looked at every few seconds and read when they changed and then stood still.
Reading happens in a thread; capture, incidents and outputs go on meanwhile. What only a start can change is said, and
the rest applied.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from egret.daemon.setup import Knowledge, load_knowledge
from egret.errors import EgretError
from egret.geo.database import chosen_files
from egret.settings.bundled import entries, is_held, read, signatures_dir
from egret.settings.config import Config
from egret.settings.http_section import Http
from egret.telemetry import Telemetry
from egret.telemetry.table import Stage, Trigger

LOOK_EVERY_S = 5.0
_REACH = "let the user that Egret becomes read it; what is in use stays until then"
AT_START = ("capture", "privacy", "canary")  # sockets, processes and rights: a restart is needed


class Reloaded(NamedTuple):
    """How a reload went."""

    applied: bool
    why: str = ""  # it was not
    late: Sequence[str] = ()  # options that changed and take effect at the next start


Fingerprint = frozenset[tuple[str, int, int, int]]  # path, inode, size, time of change


class Reloader:
    """Reads anew and hands over.

    Args:
        knowledge: what is in use.
        reread: reads the configuration again, flags of the command line on top.
        adopt: puts other knowledge in place; in the event loop.
        telemetry: hears how it went.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        reread: Callable[[], Config],
        adopt: Callable[[Knowledge], Awaitable[None]],
        telemetry: Telemetry,
    ) -> None:
        self.knowledge = knowledge
        self._reread = reread
        self._adopt = adopt
        self._telemetry = telemetry
        self._busy = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._askers: list[asyncio.Future[Reloaded]] = []
        self._late: Sequence[str] = ()
        self.last = Reloaded(applied=True)

    def ask(self) -> None:
        """Read everything again soon: SIGHUP."""
        self._wanted.set()

    async def command(self, _client: str, who: str) -> dict[str, Any]:
        """Read everything again and say how it went (``daemon.control.Command``)."""
        self._telemetry.log.event(logging.INFO, "reload_asked", who=who)
        asker: asyncio.Future[Reloaded] = asyncio.get_running_loop().create_future()
        self._askers.append(asker)
        self._wanted.set()
        outcome = await asker
        return {"applied": outcome.applied, "why": outcome.why, "needs_restart": list(outcome.late)}

    async def run(self) -> None:
        """Serve ``ask`` and look at the files, until cancelled."""
        try:
            await self._run()
        finally:
            self._answer(self._askers, Reloaded(applied=False, why="Egret is stopping"))

    async def _rehearse(self) -> None:
        """Say at the start what a reload would: rights were given up, and the operator's files may be out of reach."""
        try:
            await asyncio.to_thread(self._reread)
            await asyncio.to_thread(lambda: _touch(_watched(self.knowledge.config)))
        except (EgretError, OSError) as error:
            why = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
            self._telemetry.log.event(logging.WARNING, "reload_would_be_refused", why=why, remedy=_REACH)
        except Exception as error:  # noqa: BLE001 - as below
            self._telemetry.internal_error(Stage.DAEMON, error)

    async def _run(self) -> None:
        await self._rehearse()
        seen = await asyncio.to_thread(fingerprint, self.knowledge.config)
        before = seen
        while True:
            asked = await self._asked(LOOK_EVERY_S)
            now = await asyncio.to_thread(fingerprint, self.knowledge.config)
            if asked:
                await self._serve()
                seen = now = await asyncio.to_thread(fingerprint, self.knowledge.config)
            elif now not in (seen, None) and now == before:  # changed, and stood still for one look
                seen = now
                await self.reload(Trigger.FILES)
            before = now

    async def _serve(self) -> None:
        asking = len(self._askers)
        await self.reload(Trigger.COMMAND if asking else Trigger.SIGNAL)
        askers, self._askers = self._askers[:asking], self._askers[asking:]
        self._answer(askers, self.last)

    @staticmethod
    def _answer(askers: Iterable[asyncio.Future[Reloaded]], outcome: Reloaded) -> None:
        for asker in askers:
            if not asker.done():
                asker.set_result(outcome)

    async def _asked(self, timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                await self._wanted.wait()
        except TimeoutError:
            return False
        self._wanted.clear()
        return True

    async def reload(self, trigger: Trigger) -> bool:
        """Read anew and adopt; False if the old stays, which is counted and said."""
        async with self._busy:
            try:
                fresh = await asyncio.to_thread(self._read, trigger)
                await self._adopt(fresh)
            except EgretError as error:
                return self._refused(trigger, str(error))
            except Exception as error:  # noqa: BLE001 - a bug here must leave the old in place, and the capture running
                self._telemetry.internal_error(Stage.DAEMON, error)
                return self._refused(trigger, f"internal error: {type(error).__name__}")
            self.knowledge = fresh
            self._telemetry.config_loaded(time.time())
            self._telemetry.reloaded(trigger, applied=True)
            self.last = Reloaded(applied=True, late=self._late)
            return True

    def _refused(self, trigger: Trigger, why: str) -> bool:
        self._telemetry.reloaded(trigger, applied=False, why=why)
        self.last = Reloaded(applied=False, why=why)
        return False

    def _read(self, trigger: Trigger) -> Knowledge:
        old, self._late = self.knowledge.config, ()
        config = old if trigger is Trigger.FILES else self._settings(self._reread().placed_as(old), old)
        return load_knowledge(config, self.knowledge.geo)

    def _settings(self, new: Config, old: Config) -> Config:
        """*new*, but for what only a start can change."""
        kept, late = keep_what_is_fixed(new, old)
        self._late = late
        if late:
            why = "these take effect at the next start: systemctl restart egret"
            self._telemetry.log.event(logging.WARNING, "reload_needs_restart", options=", ".join(late), why=why)
        return kept


def keep_what_is_fixed(new: Config, old: Config) -> tuple[Config, list[str]]:
    """*new* with the values of *old* where only a start can change them; and which options those are."""
    late = [
        f"{name}.{option}"
        for name in AT_START
        for option in type(getattr(new, name)).model_fields
        if getattr(getattr(new, name), option) != getattr(getattr(old, name), option)
    ]
    fixed = {name: getattr(old, name) for name in AT_START}
    if moved := _moved(new.http, old.http):
        late += moved
        fixed["http"] = old.http  # whole: what is new may not be safe where the old listens
    if new.store.path != old.store.path:
        late.append("store.path")
    store = new.store.model_copy(update={"path": old.store.path})
    return new.model_copy(update={**fixed, "store": store}), late


def _moved(new: Http, old: Http) -> list[str]:
    """The options of the status page that changed, if one of them is where it listens or whether by TLS."""
    doors = [(http.enabled, http.listen, http.tls.certificate is None) for http in (new, old)]
    if doors[0] == doors[1]:
        return []
    return [f"http.{name}" for name in Http.model_fields if getattr(new, name) != getattr(old, name)]


def fingerprint(config: Config) -> Fingerprint | None:
    """What tells whether a file that others replace has changed; None while a folder cannot be read."""
    try:
        return frozenset(_stamps(_watched(config)))
    except (OSError, EgretError):
        return None


def _watched(config: Config) -> Iterable[Path]:
    yield from chosen_files(config.databases, bundled=False)
    yield config.paths.catalogue / "installed.json"
    for folder in config.signature_folders:
        if folder != signatures_dir():
            with suppress(FileNotFoundError):  # a folder that is gone is a change
                yield from (path for path in entries(folder) if path.suffix == ".yaml")


def _touch(paths: Iterable[Path]) -> None:
    """Read the beginning of each of *paths* that is there.

    Raises:
        OSError: one of them cannot be read.
    """
    for path in paths:
        with suppress(FileNotFoundError):
            read(path, 1)


def _stamps(paths: Iterable[Path]) -> Iterable[tuple[str, int, int, int]]:
    for path in paths:
        if is_held(path):
            continue
        try:
            found = path.stat()
        except FileNotFoundError:
            continue
        yield str(path), found.st_ino, found.st_size, found.st_mtime_ns
