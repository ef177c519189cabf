"""Every export format by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from egret.catalog.export import firewall, intelligence, lists, resolvers, sensors, tables
from egret.catalog.export.selection import Export, Selection


class Format(StrEnum):
    """What ``catalog export --format`` takes."""

    SURICATA = "suricata"
    ZEEK_INTEL = "zeek-intel"
    RPZ = "rpz"
    DNSMASQ = "dnsmasq"
    UNBOUND = "unbound"
    HOSTS = "hosts"
    ADGUARD = "adguard"
    SQUID = "squid"
    NFTABLES = "nftables"
    SIGMA = "sigma"
    STIX = "stix"
    CSV = "csv"
    JSON = "json"


FORMATS: Mapping[Format, Callable[[Selection], Export]] = {
    Format.SURICATA: sensors.suricata,
    Format.ZEEK_INTEL: sensors.zeek_intel,
    Format.RPZ: resolvers.rpz,
    Format.DNSMASQ: resolvers.dnsmasq,
    Format.UNBOUND: resolvers.unbound,
    Format.HOSTS: lists.hosts,
    Format.ADGUARD: lists.adguard,
    Format.SQUID: lists.squid,
    Format.NFTABLES: firewall.nftables,
    Format.SIGMA: intelligence.sigma,
    Format.STIX: intelligence.stix,
    Format.CSV: tables.csv_table,
    Format.JSON: tables.json_table,
}
