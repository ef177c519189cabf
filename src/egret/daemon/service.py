"""The daemon's life: everything started in order, kept going, and ended in order."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from egret import __version__
from egret.alerts.incidents import Incidents
from egret.alerts.model import Incident, Sensor
from egret.daemon.access import AccessWatch
from egret.daemon.approvals import ApprovalWatch
from egret.daemon.canary import Canary
from egret.daemon.checks import Checks
from egret.daemon.client_watch import ClientWatch
from egret.daemon.control import SOCKET, Command, Control
from egret.daemon.coverage import CoverageLedger
from egret.daemon.crew import Crew, Kit
from egret.daemon.digests import Digester
from egret.daemon.evidence import EvidenceKeeper
from egret.daemon.ledger import Ledger
from egret.daemon.notify import Notifier
from egret.daemon.outputs import make_delivery, make_outputs, preload, wanted_outputs
from egret.daemon.purge import Purger
from egret.daemon.reload import Reloader
from egret.daemon.rules import incident_policy
from egret.daemon.setup import Knowledge, equipment, inside_networks, make_canary_plan
from egret.daemon.tally import Tally
from egret.daemon.view import DaemonView, SinkWatch
from egret.daemon.watch import Watch
from egret.judge.relays import Relays
from egret.judge.unnamed import UNNAMED
from egret.settings.config import Config
from egret.settings.unknown_names import unknown_names
from egret.sinks.base import Delivery
from egret.sinks.notices import Notices
from egret.sources.opener import OpenerClient
from egret.sources.placement import Placement
from egret.store.access import AccessLog
from egret.store.coverage import CoverageStore
from egret.store.incidents import IncidentStore
from egret.telemetry import Telemetry
from egret.telemetry.logs import configure
from egret.telemetry.table import FilterKind, Stage
from egret.web.server import WebServer
from egret.web.tls import Certificate
from egret.worker.equipment import seal
from egret.worker.scope import Scope

TICK_S = 1.0
REMEMBER_S = 10.0  # how often flagged names of addresses are saved, if there are new ones
FLUSH_S = 3.0  # what a receiver that does not answer may cost at the end; systemd gives 15 s for all of it


@dataclass(frozen=True, slots=True)
class Post:
    """Where the daemon stands: chosen, and opened, before rights were given up."""

    knowledge: Knowledge
    placement: Placement
    inside: Sequence[str]
    shares: Sequence[Sequence[str]]  # the interfaces of each worker
    opener: OpenerClient
    reread: Callable[[], Config]  # the settings as they are now, flags of the command line on top
    filter: FilterKind = FilterKind.CLASSIC  # what the kernel passes
    certificate: Certificate | None = None  # of the status page


class Service:
    """One daemon, from start to stop. Make it inside the event loop."""

    def __init__(self, post: Post, say: Callable[[str], None]) -> None:
        config = post.knowledge.config
        self._post = post
        self._say = say
        self._notifier = Notifier()
        self._stop = asyncio.Event()
        self.telemetry = Telemetry(__version__)
        self._watch = watch = SinkWatch(self.telemetry)
        self._sensor = Sensor(__version__, socket.gethostname())
        self._outputs, self._deliveries = make_outputs(config.outputs, self._sensor, watch, self._open_now)
        self._reloader = Reloader(post.knowledge, post.reread, self._adopt, self.telemetry)
        self._generation = 0
        self._recalled = False
        self._incidents = Incidents(incident_policy(config), config.privacy.veil())
        self._store = IncidentStore(config.paths.store, config.privacy.veil())
        keep_s = config.store.keep.total_seconds()
        directory = post.knowledge.directory
        path = (self._incidents, self._store, self._outputs, self.telemetry)
        self._clients = ClientWatch(config.clients, directory, self.telemetry)
        self._evidence = EvidenceKeeper(post.knowledge, self._sensor, config.privacy.veil(), self.telemetry)
        self._ledger = Ledger(post.knowledge.judge, *path, keep_s, self._clients, self._evidence)
        watch.settled, self._ledger.max_dead = self._ledger.settled, config.outputs.spool.max_dead
        self._ledger.tally = Tally(self.telemetry)
        offering = (self._ledger, self._outputs, self._ledger.tally)
        self._digester = Digester(self._store.database, offering, self._sensor, config.outputs.digest, self.telemetry)
        self._watch_relays(post.knowledge)
        workers = len(post.shares)
        ledger, catalog = self._ledger, post.knowledge.catalog
        self._crew = Crew(post.opener, workers, catalog, ledger.hit, self.telemetry, ledger.volume)
        self._crew.on_speakers = self._clients.heard
        self._notices = Notices(watch.warned)
        self._self_watch = Watch(self._notices, self.telemetry)
        self._checks = Checks(config.watch, post.placement.interfaces, self.telemetry, self._self_watch)
        self._canary = self._make_canary(config)
        watched, hours = tuple(post.placement.interfaces), CoverageStore(self._store.database)
        crew, disk = self._crew, self._ledger.on_disk
        self._coverage = CoverageLedger(self.telemetry, watched, lambda: crew.links, hours, disk)
        self._access = AccessWatch(AccessLog(self._store.database), disk, self.telemetry, config.privacy.veil())
        self._approvals = ApprovalWatch(self.telemetry, config, post.knowledge.catalog)
        parts = (self._incidents, self._store, self._crew, self._deliveries, watch)
        known = (self._incidents, self._ledger, self._outputs, self._crew, self._store)
        purger = Purger(known, post.knowledge.directory, config.privacy.revealing(), self.telemetry, self._evidence)
        commands: dict[str, Command] = {"purge": purger, "resend": self._ledger.resend}
        commands["reload"] = self._reloader.command
        self._control = Control(config.paths.state / SOCKET, commands, self.telemetry)
        self._view = DaemonView(
            self.telemetry, post.knowledge, post.placement, post.inside, parts, self._coverage, self._evidence.read
        )
        self._view.problems = lambda: self._self_watch.standing
        looked, certificate = self._access.looked, post.certificate
        self._web = WebServer(self._view, config.http, looked, certificate) if config.http.enabled else None

    def _make_canary(self, config: Config) -> Canary | None:
        if make_canary_plan(config) is None:
            return None
        opener, workers, ledger = self._post.opener, self._crew.workers, self._ledger
        canary = Canary(config.canary, opener, workers, lambda: ledger.judge, self._self_watch, self.telemetry)
        self._crew.on_heard = canary.heard
        return canary

    async def run(self) -> None:
        """Until SIGTERM or SIGINT.

        Raises:
            ConfigError: the status page cannot listen.   SourceError: capture cannot start, or its opener died.
        """
        self.telemetry.watch(self._post.placement.interfaces)
        self.telemetry.capture_filter(self._post.placement.interfaces, self._post.filter)
        self.telemetry.sinks(delivery.name for delivery in self._deliveries)
        self._announce(self._post.knowledge)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reloader.ask)
        try:
            if self._web is not None:
                await self._web.start()
                self._say(f"status page {self._web.url}")
            restored = await self._ledger.restore()
            await self._coverage.restore()
            await self._clients.begin()
            self._outputs.start()
            self._notices.start(self._deliveries)
            again = await self._ledger.resume()
            await self._recall()
            self._crew.start()
            await self._control.start()
            self._welcome(restored, again)
            await self._watch_over()
        finally:
            await self._end()

    def _watch_relays(self, knowledge: Knowledge) -> None:
        """One worker sees all that is to be seen of who passes on what; of several, each a part."""
        if len(self._post.shares) > 1:
            inside = inside_networks(knowledge.config, self._post.placement)
            self._ledger.relays = Relays(Scope(inside, knowledge.rules.relays).is_client)

    def _announce(self, knowledge: Knowledge) -> None:
        """Every series exists at 0 before the first packet, so that the first hit shows in increase()."""
        telemetry, catalog = self.telemetry, knowledge.catalog
        possible, decided = knowledge.judge.policy.possible, bool(knowledge.config.approvals.entries)
        telemetry.catalog(catalog.signatures, catalog.version, possible, UNNAMED.values(), decided=decided)
        telemetry.resolvers(resolver.operator for resolver in knowledge.resolvers.resolvers)
        telemetry.geoip((info.database_type, info.build_epoch_s) for info in knowledge.geo.info())
        telemetry.config_loaded(time.time())
        for wrong in unknown_names(knowledge.config, catalog.signatures, whole=False):
            telemetry.log.event(logging.WARNING, "name_matches_nothing", why=str(wrong))

    def _welcome(self, restored: int, again: int) -> None:
        if restored:
            self._say(f"{restored} open incident{'' if restored == 1 else 's'} from before")
        if again:
            self._say(f"{again} alert{'' if again == 1 else 's'} from before not yet delivered; offered again")
        for delivery in self._deliveries:
            trouble = delivery.sink.health()
            if trouble:
                self._say(f"output {delivery.name}: {trouble}")
        self._notifier.ready(f"watching {', '.join(self._post.placement.interfaces)}")

    async def _watch_over(self) -> None:
        """Run until told to stop, or until something ends that must not."""
        tasks = [
            asyncio.create_task(self._stop.wait(), name="stop"),
            asyncio.create_task(self._crew.gone(), name="opener"),
            asyncio.create_task(self._ledger.run(), name="ledger"),
            asyncio.create_task(self._clients.run(), name="clients"),
            asyncio.create_task(self._tick(), name="tick"),
            asyncio.create_task(self._reloader.run(), name="reload"),
            asyncio.create_task(self._digester.run(), name="digests"),
        ]
        if self._canary is not None:
            tasks.append(asyncio.create_task(self._canary.run(), name="canary"))
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for task in done:
            task.result()

    async def _tick(self) -> None:
        alive_s = self._notifier.watchdog_interval_s
        alive_at_s = remember_at_s = 0.0
        while True:
            await asyncio.sleep(TICK_S)
            try:
                await self._ledger.tick(time.time_ns())
                await self._coverage.tick(time.time_ns())
                self._approvals.look(time.time_ns())
                self._checks.tick(time.time_ns())
                await self._evidence.tick(time.time_ns())
                if time.monotonic() >= remember_at_s:
                    remember_at_s = time.monotonic() + REMEMBER_S
                    await self._remember()
            except Exception as error:  # noqa: BLE001 - a bug here must not end the capture
                self.telemetry.internal_error(Stage.DAEMON, error)
            if alive_s is not None and time.monotonic() >= alive_at_s:
                alive_at_s = time.monotonic() + alive_s
                self._notifier.alive()

    async def _recall(self) -> None:
        """Flagged names of addresses from before; where the disk does not answer it is tried again."""
        learnt = await self._ledger.recall(time.time_ns())
        self._recalled = learnt is not None
        self._crew.recall(learnt or [])

    async def _remember(self) -> None:
        if not self._recalled:
            await self._recall()
        if not self._recalled:
            return  # or what could not be read yet would be written over
        learnt = self._crew.take_learnt()
        if learnt is not None:
            await self._ledger.remember(learnt)

    async def _adopt(self, fresh: Knowledge) -> None:
        """Put other knowledge in place; every packet is matched, and every hit judged, by the old or the new.

        Raises:
            SourceError: there is no memory to tell the workers.   GeoError: a database changed again.
        """
        self._notifier.reloading()
        try:
            await asyncio.to_thread(preload, fresh.config.outputs)  # seconds, where it was not there before
            if self._web is not None:
                self._web.apply(fresh.config.http)
            deliveries = self._deliveries_for(fresh.config)
            kit = await asyncio.to_thread(self._kit, fresh)
            self._judge_by(fresh)
            self.telemetry.sinks(delivery.name for delivery in deliveries)
            self._deliveries = self._view.deliveries = deliveries
            await self._notices.exchange(deliveries, FLUSH_S)
            exchange = self._outputs.exchange(deliveries, FLUSH_S)  # first: what the new catalogue finds is for them
            _, late = await asyncio.gather(exchange, self._crew.equip(kit))
            if late:
                why = "they did not take the reload"
                self.telemetry.log.event(logging.ERROR, "workers_restarted", why=why, workers=late)
        finally:
            self._notifier.ready(f"watching {', '.join(self._post.placement.interfaces)}")

    def _kit(self, fresh: Knowledge) -> Kit:
        self._generation += 1
        inside = inside_networks(fresh.config, self._post.placement)
        made = equipment(fresh, inside, self._generation, self._post.knowledge.geo)
        return Kit(self._generation, fresh.catalog, seal(made))

    def _judge_by(self, fresh: Knowledge) -> None:
        config = fresh.config
        self._announce(fresh)
        self._ledger.judge = fresh.judge
        self._watch_relays(fresh)
        self._ledger.keep_s = config.store.keep.total_seconds()
        self._ledger.max_dead = config.outputs.spool.max_dead
        self._incidents.apply(incident_policy(config))
        self._ledger.review(time.time_ns())
        self._clients.apply(config.clients)
        self._evidence.apply(fresh)
        self._approvals.apply(config, fresh.catalog)
        self._checks.settings = config.watch
        self._digester.settings = config.outputs.digest
        self._view.knowledge, self._view.inside = fresh, inside_networks(config, self._post.placement)
        configure(config.log.level, config.log.format, sys.stderr)

    def _deliveries_for(self, config: Config) -> tuple[Delivery, ...]:
        """An output for each section; one whose settings did not change is the running one, with its queue."""
        running = list(zip(wanted_outputs(self._reloader.knowledge.config.outputs), self._deliveries, strict=True))
        deliveries = []
        for plan in wanted_outputs(config.outputs):
            same = next((delivery for before, delivery in running if before == plan), None)
            deliveries.append(same or make_delivery(plan, self._sensor, self._watch, self._open_now))
        return tuple(deliveries)

    def _open_now(self) -> Sequence[Incident]:
        return self._incidents.open_incidents

    async def _end(self) -> None:
        self._notifier.stopping()
        await self._control.close()
        await self._crew.stop()
        await self._remember()
        await self._coverage.close(time.time_ns())
        await self._digester.close(time.time_ns())
        await self._access.close()
        await asyncio.gather(self._notices.close(FLUSH_S / 2), self._ledger.flush())
        await self._outputs.close(FLUSH_S)
        await self._ledger.close()
        await self._evidence.close()
        if self._web is not None:
            await self._web.close()
        self._notifier.close()
