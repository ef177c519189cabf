"""The address database of the test world: documentation networks said to be in China, Singapore, the US."""

from __future__ import annotations

from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet

from tests.support.world.plan import NETWORKS


def write_database(target: Path) -> Path:
    """Write an mmdb in the shape of the bundled one: country and autonomous system in one record."""
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="World-Country-ASN")
    for network in NETWORKS:
        record = {
            "country": {"iso_code": network.country},
            "autonomous_system_number": network.asn,
            "autonomous_system_organization": network.as_org,
        }
        writer.insert_network(IPSet([network.cidr]), record)
    writer.to_db_file(str(target))
    return target
