"""One model a section of the configuration. The field's description is its documentation, everywhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from egret.model import Category, Severity
from egret.settings.units import Duration
from egret.settings.values import (
    FilePath,
    HttpsUrl,
    Interface,
    Moment,
    Network,
    PublicKey,
    Workers,
    switch,
)


class Section(BaseModel):
    """What every section shares: unknown keys are errors, nothing changes after loading."""

    # hide_input: pydantic would otherwise put a mistyped secret into the error
    # defer_build: what validates a section is made when there is something to validate, a tenth of a start
    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, hide_input_in_errors=True, defer_build=True
    )

    @classmethod
    def default(cls) -> Self:
        """The section of which nothing is said: what ``cls()`` gives, without validating what is right."""
        return cls.model_construct()


class Networks(Section):
    """Whose traffic is watched: which addresses are clients, and which of them only speak for others."""

    inside: tuple[Network, ...] = Field(
        default=(), description="Networks of the clients; empty: those of the watched interfaces and all private ranges"
    )
    resolvers: tuple[Network, ...] = Field(
        default=(), description="Clients that look up names for others: what they ask makes no alert"
    )
    proxies: tuple[Network, ...] = Field(
        default=(),
        description="Clients that connect for others (web proxies, NAT gateways): what they do makes no alert",
    )


class Capture(Section):
    """Where and how packets are read."""

    interfaces: tuple[Interface, ...] = Field(
        default=(),
        description="Interfaces to watch; empty: a gateway's inside ones, else the one with the default route",
    )
    backend: Literal["afpacket", "portable"] = Field(
        default="afpacket", description="`afpacket` (Linux), or `portable` (any system with scapy; slow)"
    )
    promiscuous: Annotated[Literal["auto", "on", "off"], BeforeValidator(switch)] = Field(
        default="auto",
        description="See frames for other hosts: `on` for a SPAN port, `off`, or `auto` (on unless this host forwards)",
    )
    ring_mb: int = Field(
        default=16, ge=1, le=4096, description="Size of each interface's ring, in MiB; more rides out longer bursts"
    )
    workers: Workers = Field(
        default=1,
        description="Processes that read packets; `auto`: one a core. At most one an interface: they divide the "
        "interfaces; more: each reads all of them, with rings of its own, and has its own clients",
    )
    filter: Literal["auto", "ebpf", "classic", "none"] = Field(
        default="auto",
        description="What the kernel passes: `ebpf` the first 16 KB of each client's stream, `classic` every upload as "
        "well, `auto` the first of them that can be loaded, `none` everything (costly)",
    )
    dns_any_port: bool = Field(
        default=False,
        description="Let look-ups on ports other than 53 through the kernel filter; of other UDP about one packet in "
        "65,000 passes with them",
    )
    user: str | None = Field(
        default=None,
        pattern=r"^([a-z_][a-z0-9_-]{0,31}|[0-9]{1,10})$",
        description="Who to become after opening; null: `egret` if there, else `nobody`",
    )


class CatalogUpdate(Section):
    """Where `egret catalog update` gets newer signatures, and whom it trusts."""

    url: HttpsUrl | None = Field(
        default=None,
        description="Address of the bundle, or `file:`/`env:` that holds it; its signature is at the same, `.sig`",
    )
    public_keys: tuple[PublicKey, ...] = Field(
        default=(), description="Ed25519 keys, one of which must have signed; empty: no update is taken"
    )


class CatalogSettings(Section):
    """What is recognised."""

    bundled: bool = Field(default=True, description="Use the signatures that come with Egret")
    directories: tuple[FilePath, ...] = Field(
        default=(),
        description="Directories with more signature files (`*.yaml`); same id: the later one holds",
    )
    disabled: tuple[str, ...] = Field(
        default=(), description="Signatures to leave out, by id (`egret catalog list` shows them)"
    )
    update: CatalogUpdate = Field(default=CatalogUpdate.default(), description="")

    @model_validator(mode="after")
    def _something_to_match(self) -> Self:
        if not self.bundled and not self.directories:
            raise ValueError("without the bundled signatures and without directories nothing would be recognised")
        return self


class GeoIP(Section):
    """Where addresses are said to be."""

    bundled: bool = Field(default=True, description="Use the database that comes with Egret where none is named")
    databases: tuple[FilePath, ...] = Field(
        default=(), description="mmdb files, first answer wins; empty: the one that comes with Egret"
    )
    count_sars: bool = Field(
        default=True, description="Count Hong Kong and Macao as in China; both are always shown as HK and MO"
    )
    geolocate_reserved: bool = Field(
        default=False, description="Look up private and documentation addresses too; for tests only"
    )


class Severities(Section):
    """How much each class of service matters."""

    ai: Severity = Field(default=Severity.HIGH, description="AI services whose operator is under PRC law")
    ai_contested: Severity = Field(
        default=Severity.MEDIUM, description="AI services where that is contested and the region is not China"
    )
    embedded: Severity = Field(default=Severity.MEDIUM, description="Products with a PRC AI built in")
    cloud: Severity = Field(default=Severity.LOW, description="PRC cloud platforms at large")
    cloud_unnamed: Severity = Field(
        default=Severity.LOW, description="Connections that nothing named, to networks of PRC AI clouds; info: counted"
    )
    resolver: Severity = Field(default=Severity.LOW, description="PRC resolvers over encrypted DNS or HTTPDNS")
    broad: Severity = Field(default=Severity.INFO, description="Other services of such companies")
    lookup_step_down: bool = Field(default=True, description="A look-up without a connection is one step lower")


class Suppression(Section):
    """Detections that are counted and make no alert."""

    client: Network | None = Field(default=None, description="Address or network of the clients; null: all")
    service: str | None = Field(default=None, min_length=1, description="Signature id, service or vendor; null: all")
    until: Moment | None = Field(
        default=None, description="Date (to its end, UTC) or time with its zone; null: for good"
    )
    reason: str = Field(default="", max_length=200, description="Why, for whoever reads this later")

    @model_validator(mode="after")
    def _narrows(self) -> Self:
        if self.client is None and self.service is None:
            raise ValueError(
                "a suppression of every client and every service would silence everything; name one of them"
            )
        return self


Line = Annotated[str, Field(min_length=1, max_length=100)]


class Alerts(Section):
    """How detections become alerts."""

    update_every: Duration = Field(
        default=timedelta(hours=1), description="An open incident that goes on is told again this often"
    )
    close_after: Duration = Field(
        default=timedelta(minutes=30), description="An incident closes after this much silence"
    )
    alert_from: Severity = Field(
        default=Severity.LOW, description="Below it, detections are counted and make no incident"
    )
    claims: bool = Field(
        default=True, description="Tell what sources claim of a service and its operator, beside the facts"
    )
    alternatives: dict[Category, tuple[Line, ...]] = Field(
        default_factory=dict,
        description="What to use instead, by category, in place of the catalogue's; an empty list: nothing",
    )
    suppress: tuple[Suppression, ...] = Field(default=(), description="Detections that are counted and make no alert")

    @field_validator("update_every", "close_after")
    @classmethod
    def _not_a_flood(cls, value: timedelta) -> timedelta:
        if value < timedelta(seconds=1):
            raise ValueError('at least "1s"')
        return value


class Store(Section):
    """What is remembered: flagged incidents, nothing else."""

    path: FilePath | None = Field(
        default=None, description="The SQLite file; null: `incidents.db` in the state directory"
    )
    keep: Duration = Field(default=timedelta(days=90), description="Incidents older than this are deleted")

    @field_validator("keep")
    @classmethod
    def _at_least_an_hour(cls, value: timedelta) -> timedelta:
        if value < timedelta(hours=1):
            raise ValueError('at least "1h"')
        return value


class Log(Section):
    """What Egret says about itself, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least important line to print"
    )
    format: Literal["auto", "text", "json"] = Field(
        default="auto", description="`auto`: text on a terminal, else JSON lines"
    )
