"""Names in the configuration that nothing has: likely typing errors, silently without effect."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from egret.errors import ConfigError
from egret.judge.unnamed import UNNAMED
from egret.model import Signature
from egret.settings.config import Config
from egret.settings.suggest import suggest


def unknown_names(config: Config, signatures: Collection[Signature], *, whole: bool) -> Iterator[ConfigError]:
    """What the catalogue and the settings do not know.

    Args:
        config: the settings.
        signatures: of the catalogue.
        whole: whether those that are switched off are among them; else nobody can tell of ``catalog.disabled``.
    """
    ids = {signature.id for signature in signatures}
    services = ids | {name for each in signatures for name in (each.vendor, each.service)}
    services |= set() if whole else set(config.catalog.disabled)
    folded = {name.casefold() for name in services}
    wrong = [("catalog.disabled", name, ids) for name in config.catalog.disabled if whole and name not in ids]
    named = (entry.service for entry in config.alerts.suppress if entry.service is not None)
    wrong += [("alerts.suppress", name, services) for name in named if name.casefold() not in folded]
    for where, name, known in wrong:
        hint = suggest(name, known) or "see `egret catalog list`"
        yield ConfigError(f"{where}: the catalogue has no '{name}'", None, hint)
    yield from _in_routes(config, signatures, whole=whole)


def _in_routes(config: Config, signatures: Collection[Signature], *, whole: bool) -> Iterator[ConfigError]:
    """Such a route would let nothing through."""
    every = (*signatures, *UNNAMED.values())
    vendors = {each.vendor.lower(): each.vendor for each in every}
    ids = [*(each.id for each in every), *(() if whole else config.catalog.disabled)]
    groups = config.clients.group_names
    for number, route in enumerate(config.outputs.routes, start=1):
        wrong = [(name, "vendor", list(vendors.values())) for name in route.vendors if name.lower() not in vendors]
        wrong += [(name, "signature", ids) for name in route.signatures if name not in ids]
        wrong += [(name, "client group", list(groups)) for name in route.groups if name not in groups]
        for name, what, known in wrong:
            message = f"outputs.routes, entry {number}: no {what} is named '{name}'"
            yield ConfigError(message, None, suggest(name, known))
