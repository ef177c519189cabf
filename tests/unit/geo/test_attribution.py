from __future__ import annotations

import pytest

from egret.geo.attribution import attribution


@pytest.mark.parametrize(
    ("database_type", "named"),
    [
        ("Egret-Country-ASN", "db-ip.com"),
        ("GeoLite2-City", "GeoLite2 Data created by MaxMind"),
        ("GeoIP2-ISP", "MaxMind"),
        ("DBIP-Country-Lite", "db-ip.com"),
        ("DBIP-ASN-Lite (compat=GeoLite2-ASN)", "db-ip.com"),
        ("ipinfo country_asn.mmdb", "IPinfo"),
        ("homemade", "licence that came with"),
    ],
)
def test_who_is_named(database_type: str, named: str) -> None:
    assert named in attribution(database_type)
