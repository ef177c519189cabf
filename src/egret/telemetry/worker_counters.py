"""The counters that a worker keeps, by the short names that it has for them; the table of metrics describes them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# what a worker may count, by the short name it uses on the pipe; the daemon believes nothing else it says
WORKER_COUNTERS: Mapping[str, str] = MappingProxyType(
    {
        "names": "egret_names_total",
        "anomalies": "egret_anomalies_total",
        "connections": "egret_connections_total",
        "nameless": "egret_connections_nameless_total",
        "prc_hosted": "egret_prc_hosted_connections_total",
        "encrypted_dns": "egret_encrypted_dns_connections_total",
        "prc_resolver": "egret_prc_resolver_connections_total",
        "httpdns": "egret_httpdns_lookups_total",
        "ech": "egret_ech_hellos_total",
        "received": "egret_packets_received_total",
        "dropped": "egret_packets_dropped_total",
        "volume_dropped": "egret_volume_packets_dropped_total",
        "conntrack": "egret_conntrack_lookups_total",
        "evictions": "egret_evictions_total",
        "relayed": "egret_relayed_total",
        "internal_errors": "egret_internal_errors_total",
        "messages_dropped": "egret_messages_dropped_total",
    }
)
