"""What verdicts rest on, read from disk: by the daemon, by `egret replay` and `egret explain`."""

from __future__ import annotations

from egret.catalog.match import Catalog
from egret.catalog.resolvers import Resolvers
from egret.daemon.rules import Rules
from egret.geo.database import GeoDatabase, read_files
from egret.judge.alternatives import preferring
from egret.judge.directory import ClientDirectory
from egret.judge.verdict import Judge
from egret.settings.catalogue import bundled_resolvers, load_catalog
from egret.value import Struct, field


class Grounds(Struct, frozen=True):
    """Catalogue, databases, resolvers, the clients' names, and the rules that were set."""

    rules: Rules
    catalog: Catalog
    geo: GeoDatabase
    judge: Judge
    resolvers: Resolvers
    directory: ClientDirectory = field(default_factory=ClientDirectory)


def load_grounds(rules: Rules, before: GeoDatabase | None = None, *, late: bool = False) -> Grounds:
    """Read the catalogue and the databases that *rules* name.

    Args:
        rules: of the configuration.
        before: databases that are open; used again if the files are the same.
        late: open the bundled database when it is needed, which may be never. Rights to read it must last until then.

    Raises:
        ConfigErrors: the catalogue cannot be used.   GeoError: a database cannot.
    """
    catalog = _preferring(rules, load_catalog(rules.signature_folders, rules.disabled))
    geo = GeoDatabase.of_bundled() if late and rules.only_bundled else _databases(rules, before)
    return Grounds(rules, catalog, geo, Judge(rules.judge, geo), bundled_resolvers(), ClientDirectory(rules.declared))


def _databases(rules: Rules, before: GeoDatabase | None) -> GeoDatabase:
    contents = read_files(rules.databases, bundled=rules.bundled_database)
    reserved = rules.geolocate_reserved
    if before is not None and before.same_as(contents, geolocate_reserved=reserved):
        return before
    return GeoDatabase.of(contents, geolocate_reserved=reserved)


def _preferring(rules: Rules, catalog: Catalog) -> Catalog:
    """The catalogue with the operator's alternatives in it."""
    if not rules.alternatives:
        return catalog
    preferred = [preferring(signature, rules.alternatives) for signature in catalog.signatures]
    return Catalog(preferred, catalog.version)
