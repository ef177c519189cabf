"""Section ``geoip``, with ``geoip.update``: where ``egret geoip update`` gets newer databases."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from egret.settings.sections import GeoIP, Section
from egret.settings.values import SecretText

Edition = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,40}$")]


class GeoIPUpdate(Section):
    """Where `egret geoip update` gets newer databases; without a source it is told one on the command line."""

    source: Literal["maxmind", "dbip"] | None = Field(
        default=None, description="`maxmind` (with an account) or `dbip` (DB-IP Lite, CC BY 4.0); null: none"
    )
    editions: tuple[Edition, ...] = Field(
        default=(),
        description="Databases to get; empty: `GeoLite2-Country` and `GeoLite2-ASN`, or `country` and `asn` of DB-IP",
    )
    account_id: int | None = Field(default=None, ge=1, le=10**9, description="MaxMind account")
    license_key: SecretText | None = Field(
        default=None, description="MaxMind licence key: `file:/path` or `env:NAME`; never shown"
    )

    @model_validator(mode="after")
    def _an_account(self) -> Self:
        if self.source == "maxmind" and (self.account_id is None or self.license_key is None):
            raise ValueError("MaxMind wants geoip.update.account_id and geoip.update.license_key")
        return self


class GeoIPSettings(GeoIP):
    """Where addresses are said to be."""

    update: GeoIPUpdate = Field(default=GeoIPUpdate.default(), description="")
