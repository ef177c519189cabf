"""Who has to be named for which database; shown by ``egret geoip info``, the status page and the dashboard."""

from __future__ import annotations

_UNKNOWN = "see the licence that came with this database"
_BY_TYPE = (  # the start of the database's own type, in lower case
    (
        "egret-",
        (
            "Route Views (routeviews.org), NRO (nro.net), IP Geolocation by DB-IP (https://db-ip.com): CC BY 4.0; "
            "IPtoASN (iptoasn.com): PDDL; packaged by ip-location-db"
        ),
    ),
    ("geolite2", "This product includes GeoLite2 Data created by MaxMind, available from https://www.maxmind.com"),
    ("geoip2", "MaxMind GeoIP2, under your own licence"),
    ("dbip", "IP Geolocation by DB-IP, https://db-ip.com"),
    ("ipinfo", "IP address data powered by IPinfo, https://ipinfo.io"),
)


def attribution(database_type: str) -> str:
    """The line to show for a database of this type."""
    lowered = database_type.lower()
    return next((line for start, line in _BY_TYPE if lowered.startswith(start)), _UNKNOWN)
