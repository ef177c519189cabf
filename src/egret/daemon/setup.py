"""From settings to the parts of the daemon that are not yet running: what it knows, and what its workers are given."""

from __future__ import annotations

from collections.abc import Sequence

from egret.daemon.grounds import Grounds, load_grounds
from egret.daemon.rules import Rules
from egret.errors import GeoError
from egret.geo.database import GeoDatabase, read_files
from egret.settings.config import Config
from egret.sources.placement import Placement
from egret.sources.probes import CanaryPlan, canary_plan
from egret.worker.equipment import Equipment
from egret.worker.scope import PRIVATE


class Knowledge(Grounds, frozen=True, kw_only=True):
    """The same, and the whole configuration."""

    config: Config


def load_knowledge(config: Config, before: GeoDatabase | None = None) -> Knowledge:
    """Read the catalogue and the databases that *config* names.

    Args:
        config: the settings.
        before: databases that are open; used again if the files are the same.

    Raises:
        ConfigErrors: the catalogue cannot be used.   GeoError: a database cannot.
    """
    found = load_grounds(Rules.of(config), before)
    return Knowledge(
        rules=found.rules,
        catalog=found.catalog,
        geo=found.geo,
        judge=found.judge,
        resolvers=found.resolvers,
        directory=found.directory,
        config=config,
    )


def inside_networks(config: Config, placement: Placement) -> tuple[str, ...]:
    """The clients' networks: as configured, else those of the interfaces, and what is private anyway."""
    configured = tuple(str(network) for network in config.networks.inside)
    return configured or tuple(dict.fromkeys((*placement.inside_networks, *PRIVATE)))


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
        count_sars=knowledge.rules.judge.count_sars,
        measured=tuple(knowledge.rules.measured),
        inside=inside,
        relays=knowledge.rules.relays,
        databases=databases,
        geolocate_reserved=config.geoip.geolocate_reserved,
        proves=config.evidence.enabled,
    )


def make_canary_plan(config: Config) -> CanaryPlan | None:
    """What the opener may send to prove the path; None where nothing is to be sent."""
    canary = config.canary
    if not canary.enabled or config.capture.backend == "portable":
        return None
    return canary_plan(canary.interface, 3 * canary.every.total_seconds() + canary.within.total_seconds())
