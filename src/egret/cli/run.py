"""``egret run``: the daemon, in the foreground."""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from egret import __version__
from egret.cli.late import import_late
from egret.cli.output import FAILED, USAGE, complain
from egret.daemon.outputs import preload
from egret.daemon.service import Post, Service
from egret.daemon.setup import Knowledge, inside_networks, load_knowledge, make_canary_plan
from egret.errors import SourceError
from egret.names import printable
from egret.settings import bundled
from egret.settings.config import Config, load_config, override, prepare
from egret.settings.places import default_config_file
from egret.sources import fanout, kernel_filter
from egret.sources.afpacket import RingOptions
from egret.sources.conntrack import missing
from egret.sources.live import LiveSource, Source
from egret.sources.opener import Opener, OpenerClient
from egret.sources.opener_plan import Plan, WorkerLink
from egret.sources.placement import Placement, choose
from egret.sources.portable import PortableSource
from egret.sources.privileges import CAP_NET_ADMIN, Identity, current_capabilities, drop, find_user, may_capture
from egret.sources.ring import Geometry
from egret.sources.volume_ring import VolumeRing, ring_options
from egret.telemetry.logs import Log, configure
from egret.telemetry.table import FilterKind
from egret.track.limits import Limits
from egret.web.tls import Certificate
from egret.worker import engine
from egret.worker.canary import Ear
from egret.worker.heap import rest
from egret.worker.meter import Meter
from egret.worker.pipeline import Pipeline
from egret.worker.process import Worker
from egret.worker.scope import Scope
from egret.worker.tallying import Tallying


def run(
    config: Annotated[Path | None, typer.Option("--config", "-c", help="configuration; none is needed")] = None,
    interface: Annotated[
        list[str] | None,
        typer.Option("--interface", "-i", help="what to watch; may be repeated; Egret chooses if left out"),
    ] = None,
    backend: Annotated[str | None, typer.Option(help="afpacket (Linux) or portable (scapy, slow)")] = None,
) -> None:
    """Watch this machine's traffic until stopped, and say who talks to which PRC-run AI service.

    Alerts go to standard output, everything else to standard error. Needs root, or CAP_NET_RAW; gives it up as soon as
    the sockets are open. Example: sudo egret run -i eth1
    """
    place = config or default_config_file()
    settings = _settings(place, interface, backend)
    configure(settings.log.level, settings.log.format, sys.stderr)
    missing = may_capture() if settings.capture.backend == "afpacket" else None
    if missing:
        complain(missing)
        raise typer.Exit(FAILED)
    knowledge = load_knowledge(settings)
    placement = _placement(settings)
    inside = inside_networks(settings, placement)
    user = find_user(settings.capture.user) if os.geteuid() == 0 else None
    _introduce(knowledge, placement, user)
    _make_room(settings, user)
    import_late()
    gc.freeze()  # knowledge stays: daemon and workers need not look through it, and share its memory
    shares = _shares(placement.interfaces, settings)
    plan = _plan(settings, placement, user)
    if len(shares) > len(placement.interfaces):
        plan = _shared(plan, inside)
    opener = Opener.start(
        lambda index, link: _work(link, knowledge, shares[index], inside, conntrack=plan.conntrack), plan
    )
    prepare()
    preload(settings.outputs)
    kind = _say_filter(settings, opener)
    certificate = _certificate(settings)
    with bundled.held():
        drop(user)
    reread = functools.partial(_settings, place, interface, backend)
    post = Post(knowledge, placement, inside, shares, opener, reread, kind, certificate)
    asyncio.run(_serve(post))


def _certificate(settings: Config) -> Certificate | None:
    """Read while there is the right to, and after workers were forked: they must not hold the key."""
    http = settings.http
    return Certificate(http.tls) if http.enabled and http.tls.certificate is not None else None


async def _serve(post: Post) -> None:
    await Service(post, complain).run()


def _settings(path: Path | None, interfaces: Sequence[str] | None, backend: str | None) -> Config:
    settings = load_config(path)
    flags = {"interfaces": interfaces or None, "backend": backend}
    given = {name: value for name, value in flags.items() if value is not None}
    return override(settings, {"capture": given}) if given else settings


def _placement(settings: Config) -> Placement:
    """Where to stand; an interface that was asked for and does not exist is bad input, not a failure."""
    try:
        return choose(settings.capture.interfaces, settings.capture.promiscuous)
    except SourceError as error:
        complain(str(error))
        raise typer.Exit(USAGE if settings.capture.interfaces else FAILED) from None


def _plan(settings: Config, placement: Placement, user: Identity | None) -> Plan:
    geometry = Geometry.of(settings.capture.ring_mb)
    options = RingOptions(geometry=geometry, filter=_filter(settings))
    interfaces = {name: replace(options, promiscuous=name in placement.promiscuous) for name in placement.interfaces}
    volume = ring_options(settings.volume.ring_mb) if settings.volume.enabled else None
    canary = make_canary_plan(settings)
    return Plan(
        interfaces=interfaces,
        user=user,
        backend=settings.capture.backend,
        volume=volume,
        canary=canary,
        conntrack=volume is not None and _may_ask_conntrack(settings),
    )


def _filter(settings: Config) -> str:
    """The name of the kernel filter; one that remembers has the opener load it, or take the classic one instead."""
    capture = settings.capture
    if capture.filter == "none":
        return kernel_filter.EVERYTHING
    if capture.filter == "classic" or capture.backend == "portable":
        return kernel_filter.ANY_DNS if capture.dns_any_port else kernel_filter.DEFAULT
    return kernel_filter.YOUNG_DNS if capture.dns_any_port else kernel_filter.YOUNG


def _say_filter(settings: Config, opener: OpenerClient) -> FilterKind:
    """Which kernel filter it came to; one that was demanded and cannot be had ends the run."""
    wanted, why = _filter(settings), opener.no_young
    if why is not None and settings.capture.filter == "ebpf":
        opener.close()
        complain(f"capture.filter is ebpf, and it cannot be loaded: {why}; or use auto or classic")
        raise typer.Exit(FAILED)
    if wanted == kernel_filter.EVERYTHING:
        return FilterKind.NONE
    if wanted not in kernel_filter.FLOOR:
        return FilterKind.CLASSIC
    if why is not None:
        complain(f"kernel filter: classic, not ebpf: {why}")
        return FilterKind.CLASSIC
    return FilterKind.EBPF


def _may_ask_conntrack(settings: Config) -> bool:
    """Whether the opener keeps the right to ask connection tracking; where that is off or useless it keeps none."""
    wanted = settings.volume.conntrack
    if wanted == "off" or settings.capture.backend != "afpacket":
        return False
    lacks = missing()
    if wanted == "on":
        for lack in lacks:
            complain(f"volume.conntrack is on, and this is missing: {lack}")
        return CAP_NET_ADMIN in current_capabilities()  # the kernel may begin to count later
    return not lacks


def _make_room(settings: Config, user: Identity | None) -> None:
    """Make the folders that the daemon will write in, while there is the right to."""
    wanted = [settings.paths.store.parent, settings.paths.state]
    if settings.outputs.file.path is not None:
        wanted.append(settings.outputs.file.path.parent)
    for folder in wanted:
        if folder.exists():
            continue
        try:
            folder.mkdir(mode=0o700, parents=True)
            if user is not None:
                os.chown(folder, user.uid, user.gid)
        except OSError as error:
            complain(f"{folder}: cannot be made: {error.strerror}; incidents will not outlive a restart")


def _introduce(knowledge: Knowledge, placement: Placement, user: Identity | None) -> None:
    """The first lines: what is watched and why there, with which knowledge, and where to look."""
    config = knowledge.config
    lines = [f"Egret {__version__}. Authorised use only: tell the people on this network what is watched."]
    lines += [f"watching {why}" for why in placement.why]
    kinds = len({signature.vendor for signature in knowledge.catalog.signatures})
    lines.append(
        f"catalogue {knowledge.catalog.version}: {len(knowledge.catalog.signatures)} services of {kinds} vendors"
    )
    lines += [f"database {info.source}: {info.attribution}" for info in knowledge.geo.info()] or ["no GeoIP database"]
    lines.append(f"incidents in {config.paths.store}" + (f", as user {user.name}" if user else ""))
    lines.append(f"gate: {engine.described()}")
    for line in lines:
        sys.stderr.write(f"egret: {printable(line)}\n")
    sys.stderr.flush()


def _shares(interfaces: Sequence[str], settings: Config) -> list[Sequence[str]]:
    """Interfaces dealt out to workers. A client is behind one interface, so all its flows meet in one worker.

    More workers than interfaces: each reads them all, and the kernel divides the clients (``sources.fanout``).
    """
    wanted = settings.capture.workers
    workers = len(os.sched_getaffinity(0)) if wanted == "auto" else wanted
    if workers > len(interfaces) and settings.capture.backend == "afpacket":
        return [interfaces] * workers
    number = min(workers, len(interfaces))
    return [interfaces[first::number] for first in range(number)]


def _shared(plan: Plan, inside: Sequence[str]) -> Plan:
    """The plan with interfaces that several rings share."""
    code = fanout.program(inside)
    return replace(plan, interfaces={name: replace(each, fanout=code) for name, each in plan.interfaces.items()})


def _work(
    link: WorkerLink, knowledge: Knowledge, interfaces: Sequence[str], inside: Sequence[str], *, conntrack: bool
) -> None:
    """What a worker process does; it was forked with everything loaded."""
    rest()
    pipeline = Pipeline(
        knowledge.catalog,
        knowledge.judge,
        Scope(inside, knowledge.rules.relays),
        resolvers=knowledge.resolvers,
        measured=knowledge.rules.measured,
        limits=Limits(volume_peers=knowledge.config.volume.peers),
    )
    pipeline.proves = knowledge.config.evidence.enabled
    source = _source(link, knowledge.config, interfaces)
    meter = _meter(link, knowledge.config, interfaces, pipeline, conntrack=conntrack)
    Worker(source, pipeline, link.pipe, knowledge.geo, meter, _ear(link, knowledge.config)).run()


def _ear(link: WorkerLink, config: Config) -> Ear | None:
    """What hears the canary; if its ring cannot be opened the canary is missed, which says so."""
    plan = make_canary_plan(config)
    try:
        return None if plan is None else Ear(LiveSource([plan.interface], link.open_canary_ring))
    except SourceError as error:
        Log().event(logging.ERROR, "canary_not_heard", why=str(error))
        return None


def _meter(
    link: WorkerLink, config: Config, interfaces: Sequence[str], pipeline: Pipeline, *, conntrack: bool
) -> Meter | None:
    """The second ring; without it TCP is counted from what the first one shows, and UDP is not."""
    volumes, log = pipeline.observer.volumes, Log()
    volumes.datagrams = False
    if not config.volume.enabled or config.capture.backend == "portable":
        return None
    try:
        tallying = Tallying(volumes, link.tallies, log) if conntrack else None
        return Meter(volumes, VolumeRing(interfaces, link.open_volume_ring), log, tallying)
    except SourceError as error:
        log.event(logging.ERROR, "volume_not_counted", why=str(error))
        return None


def _source(link: WorkerLink, config: Config, interfaces: Sequence[str]) -> Source:
    if config.capture.backend == "portable":
        return PortableSource(interfaces, link.open_stream)
    return LiveSource(interfaces, link.open_ring)
