"""From settings to rules: what verdicts and incidents go by, as the plain values that the core takes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

from egret.alerts.incidents import IncidentPolicy
from egret.alerts.suppress import Suppression
from egret.alerts.veil import CLEAR, Veil
from egret.evidence import Bounds
from egret.judge.directory import Declared
from egret.judge.verdict import Policy
from egret.model import Category, ServiceClass
from egret.settings.places import Places
from egret.value import Struct, field, replace

if TYPE_CHECKING:  # who goes by the defaults needs neither the sections nor pydantic
    from egret.settings.clients_section import Clients
    from egret.settings.config import Config

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MEBIBYTE = 1 << 20


class Rules(Struct, frozen=True, kw_only=True):
    """What is looked for, what is said of it, and when.

    The defaults are what the configuration says of which nothing is written; a test holds that.
    """

    store: Path
    signature_folders: tuple[Path, ...]  # as ``Places.signature_folders``
    disabled: tuple[str, ...] = ()  # signatures
    alternatives: Mapping[Category, tuple[str, ...]] = field(default_factory=dict)
    databases: tuple[Path, ...]  # as ``Places.databases``
    bundled_database: bool = True
    geolocate_reserved: bool = False
    judge: Policy = field(default_factory=Policy)
    incidents: IncidentPolicy = field(default_factory=IncidentPolicy)  # without a daemon's own places
    measures: bool = True
    inside: tuple[str, ...] = ()  # networks of the clients
    relays: tuple[str, ...] = ()  # clients that speak for others: never blamed
    clients: Clients | None = None  # where their names are read; None: nowhere
    declared: Declared = field(default_factory=Declared)
    groups: frozenset[str] = frozenset()  # that a client can be in
    veil: Veil = CLEAR
    bounds: Bounds = field(default_factory=Bounds)

    @property
    def only_bundled(self) -> bool:
        """Whether addresses are looked up in the bundled database alone, and as usual."""
        return self.bundled_database and not self.databases and not self.geolocate_reserved

    @classmethod
    def of(cls, config: Config) -> Self:
        """The rules that *config* sets.

        Raises:
            ConfigErrors: an installed update of the catalogue cannot be used.
        """
        from egret.daemon.clients import declared  # noqa: PLC0415 (as above)

        networks, clients = config.networks, config.clients
        return cls(
            store=config.paths.store,
            signature_folders=tuple(config.signature_folders),
            disabled=config.catalog.disabled,
            alternatives=config.alerts.alternatives,
            databases=tuple(config.databases),
            bundled_database=config.geoip.bundled,
            geolocate_reserved=config.geoip.geolocate_reserved,
            judge=policy(config),
            incidents=replace(incident_policy(config), evidence=None, page=None),
            measures=config.volume.enabled,
            inside=tuple(map(str, networks.inside)),
            relays=tuple(map(str, (*networks.resolvers, *networks.proxies))),
            clients=clients if clients.leases or clients.hosts_file else None,
            declared=declared(clients),
            groups=clients.group_names,
            veil=config.privacy.veil(),
            bounds=bounds(config),
        )

    @property
    def measured(self) -> frozenset[ServiceClass]:
        """The classes of services whose bytes are counted: those that can have an incident."""
        return frozenset(ServiceClass) - self.incidents.counted if self.measures else frozenset()


def load_rules(path: Path | None) -> Rules:
    """The rules of a configuration file; None: of none.

    Raises:
        ConfigErrors: everything that is wrong with it.
    """
    if path is None:
        places = Places.here()
        return Rules(
            store=places.paths().store,
            signature_folders=tuple(places.signature_folders()),
            databases=tuple(places.databases()),
        )
    from egret.settings.config import load_config  # noqa: PLC0415 (as above)

    return Rules.of(load_config(path))


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


def bounds(config: Config) -> Bounds:
    """How much evidence the settings keep."""
    settings = config.evidence
    keep_ns = round(settings.keep.total_seconds()) * 1_000_000_000
    return Bounds(keep_ns, settings.max_mb * _MEBIBYTE, settings.max_incidents, settings.per_incident)


def _ns(span: timedelta) -> int:
    """Exact nanoseconds of a span; ``total_seconds`` would round."""
    return (span.days * 86_400 + span.seconds) * 1_000_000_000 + span.microseconds * 1_000
