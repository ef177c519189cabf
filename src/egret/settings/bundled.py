"""Where the data that ships with Egret is: inside the wheel, or beside the sources in an editable install."""

from __future__ import annotations

from pathlib import Path

import egret

BUNDLED_DATABASE = "egret-country-asn.mmdb"
_PACKAGE = Path(egret.__file__).resolve().parent


def signatures_dir() -> Path:
    """The folder of the bundled catalogue's YAML files."""
    packed = _PACKAGE / "data" / "signatures"
    return packed if packed.is_dir() else _PACKAGE.parents[1] / "signatures"


def geo_dir() -> Path:
    """The folder of the bundled GeoIP database and its attribution."""
    return _PACKAGE / "data" / "geo"
