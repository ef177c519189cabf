"""Small GeoIP databases for tests: documentation addresses get countries and networks, as nobody else's do."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.geoip_mmdb import Span, Uint64, write

BUILT = 1_750_000_000  # 2025-06-15
ALIBABA = {
    "country": {"iso_code": "CN"},
    "autonomous_system_number": 37963,
    "autonomous_system_organization": "Hangzhou Alibaba Advertising Co.,Ltd.",
}
HUAWEI_ABROAD = {
    "country": {"iso_code": "HK"},
    "autonomous_system_number": 136907,
    "autonomous_system_organization": "HUAWEI INTERNATIONAL PTE. LTD.",
}
CLOUDFLARE = {
    "country": {"iso_code": "US"},
    "autonomous_system_number": 13335,
    "autonomous_system_organization": "Cloudflare, Inc.",
}
SINGAPORE = {
    "country": {"iso_code": "SG"},
    "autonomous_system_number": 45102,
    "autonomous_system_organization": "Alibaba (US) Technology Co., Ltd.",
}
DOCUMENTATION = {  # open with geolocate_reserved=True
    "203.0.113.0/25": ALIBABA,
    "203.0.113.128/26": HUAWEI_ABROAD,
    "203.0.113.192/26": SINGAPORE,
    "198.51.100.0/24": CLOUDFLARE,
    "2001:db8:86::/48": ALIBABA,
    "2001:db8:1::/48": CLOUDFLARE,
}


def canaries(china: str = "CN", google: int = 15169, only: int = 5) -> dict[str, dict[str, Any]]:
    """Networks of the well-known resolvers that an update is asked about, right or wrong."""
    rows: dict[str, dict[str, Any]] = {
        "223.5.5.0/24": {"country": {"iso_code": china}},
        "114.114.114.0/24": {"country": {"iso_code": "CN"}},
        "8.8.8.0/24": {"country": {"iso_code": "US"}, "autonomous_system_number": google},
        "1.1.1.0/24": {"autonomous_system_number": 13335},
        "9.9.9.0/24": {"autonomous_system_number": 19281},
    }
    padding = {f"2a00:{number:x}::/32": {"autonomous_system_number": 64_512 + number} for number in range(1, 200)}
    return {**dict(list(rows.items())[:only]), **padding}


def write_mmdb(
    path: Path,
    networks: Mapping[str, Mapping[str, Any]] = DOCUMENTATION,
    database_type: str = "Test-Country-ASN",
    description: str = "for tests",
    built: int = BUILT,
) -> Path:
    """Write a database of disjoint *networks* (CIDR: record) to *path* and return it."""
    spans: dict[int, list[Span]] = {4: [], 6: []}
    for index, cidr in enumerate(networks):
        net = ipaddress.ip_network(cidr)
        spans[net.version].append(Span(int(net.network_address), int(net.broadcast_address), index))
    metadata: dict[str, object] = {
        "database_type": database_type,
        "build_epoch": Uint64(built),
        "languages": ["en"],
        "description": {"en": description},
    }
    path.write_bytes(write(sorted(spans[4]), sorted(spans[6]), list(networks.values()), metadata))
    return path
