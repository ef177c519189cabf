"""From settings to parts: every object the daemon and the replay are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from egret.alerts.incidents import IncidentPolicy
from egret.alerts.suppress import Suppression
from egret.catalog.match import Catalog
from egret.catalog.resolvers import Resolvers
from egret.daemon.clients import declared
from egret.errors import GeoError
from egret.geo.database import GeoDatabase, read_files
from egret.judge.alternatives import preferring
from egret.judge.directory import ClientDirectory
from egret.judge.verdict import Judge, Policy
from egret.model import ServiceClass
from egret.settings.catalogue import bundled_resolvers, load_catalog
from egret.settings.config import Config
from egret.sources.placement import Placement
from egret.sources.probes import CanaryPlan, canary_plan
from egret.worker.equipment import Equipment
from egret.worker.scope import PRIVATE

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What verdicts and coverage rest on: settings, catalogue, databases, resolvers, the clients' names."""

    config: Config
    catalog: Catalog
    geo: GeoDatabase
    judge: Judge
    resolvers: Resolvers
    directory: ClientDirectory = field(default_factory=ClientDirectory)


def load_knowledge(config: Config, before: GeoDatabase | None = None) -> Knowledge:
    """Read the catalogue and the databases that *config* names.

    Args:
        config: the settings.
        before: databases that are open; used again if the files are the same.

    Raises:
        ConfigErrors: the catalogue cannot be used.   GeoError: a database cannot.
    """
    catalog = _preferring(config, load_catalog(config.signature_folders, config.catalog.disabled))
    settings = config.geoip
    contents = read_files(config.databases, bundled=settings.bundled)
    reserved = settings.geolocate_reserved
    if before is not None and before.same_as(contents, geolocate_reserved=reserved):
        geo = before
    else:
        geo = GeoDatabase.of(contents, geolocate_reserved=reserved)
    directory = ClientDirectory(declared(config.clients))
    return Knowledge(config, catalog, geo, Judge(policy(config), geo), bundled_resolvers(), directory)


def _preferring(config: Config, catalog: Catalog) -> Catalog:
    """The catalogue with the operator's alternatives in it."""
    if not config.alerts.alternatives:
        return catalog
    preferred = [preferring(signature, config.alerts.alternatives) for signature in catalog.signatures]
    return Catalog(preferred, catalog.version)


def inside_networks(config: Config, placement: Placement) -> tuple[str, ...]:
    """The clients' networks: as configured, else those of the interfaces, and what is private anyway."""
    configured = tuple(str(network) for network in config.networks.inside)
    return configured or tuple(dict.fromkeys((*placement.inside_networks, *PRIVATE)))


def relays(config: Config) -> tuple[str, ...]:
    """Clients that speak for others: never blamed."""
    return tuple(str(network) for network in (*config.networks.resolvers, *config.networks.proxies))


def equipment(knowledge: Knowledge, inside: Sequence[str], generation: int, forked_with: GeoDatabase) -> Equipment:
    """What workers need of *knowledge*, whose databases are sent only where they are others than at the start.

    Raises:
        GeoError: a database changed again since it was opened; the next look will find it.
    """
    config, databases = knowledge.config, None
    if knowledge.geo is not forked_with:
        databases = read_files(config.databases, bundled=config.geoip.bundled)
        if not knowledge.geo.same_as(databases, geolocate_reserved=config.geoip.geolocate_reserved):
            raise GeoError("a database changed while it was read")
    return Equipment(
        generation=generation,
        signatures=knowledge.catalog.signatures,
        version=knowledge.catalog.version,
        resolvers=knowledge.resolvers.resolvers,
        count_sars=config.geoip.count_sars,
        measured=tuple(measured_classes(config)),
        inside=inside,
        relays=relays(config),
        databases=databases,
        geolocate_reserved=config.geoip.geolocate_reserved,
        proves=config.evidence.enabled,
    )


def policy(config: Config) -> Policy:
    """What the judge needs of the settings."""
    return Policy(
        **config.severities.model_dump(),
        count_sars=config.geoip.count_sars,
        claims=config.alerts.claims,
        points=config.score.points(),
    )


def incident_policy(config: Config) -> IncidentPolicy:
    """What the incidents need of the settings."""
    alerts, severities = config.alerts, policy(config)
    below = (each for each in ServiceClass if severities.of_class(each).rank < alerts.alert_from.rank)
    return IncidentPolicy(
        counted=frozenset(below),
        alert_from=alerts.alert_from,
        points=severities.points,
        update_every_ns=_ns(alerts.update_every),
        close_after_ns=_ns(alerts.close_after),
        approvals=config.approvals.as_approvals(),
        evidence=str(config.paths.evidence) if config.evidence.enabled else None,
        page=config.http.public_url if config.http.enabled else None,
        suppress=tuple(
            Suppression(
                client=str(entry.client) if entry.client else None,
                service=entry.service,
                until_ns=_ns(entry.until - _EPOCH) if entry.until else None,
                reason=entry.reason,
            )
            for entry in alerts.suppress
        ),
    )


def make_canary_plan(config: Config) -> CanaryPlan | None:
    """What the opener may send to prove the path; None where nothing is to be sent."""
    canary = config.canary
    if not canary.enabled or config.capture.backend == "portable":
        return None
    return canary_plan(canary.interface, 3 * canary.every.total_seconds() + canary.within.total_seconds())


def measured_classes(config: Config) -> frozenset[ServiceClass]:
    """The classes of services whose bytes are counted: those that can have an incident."""
    return frozenset(ServiceClass) - incident_policy(config).counted if config.volume.enabled else frozenset()


def _ns(span: timedelta) -> int:
    """Exact nanoseconds of a span; ``total_seconds`` would round."""
    return (span.days * 86_400 + span.seconds) * 1_000_000_000 + span.microseconds * 1_000
