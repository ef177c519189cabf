"""The shape of the catalogue's files: what may stand in ``signatures/<vendor>.yaml`` and ``signatures/_shared.yaml``.

The descriptions end up in the JSON Schema that editors show.
"""

from __future__ import annotations

import ipaddress
from datetime import date
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from egret.model import Category, HostKind, ServiceClass


def _iso_date(text: str) -> str:
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise ValueError(f"'{text}' is no date: write it as 2026-11-22")


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise ValueError(f"'{text}' is no address and no network (such as 192.0.2.0/24)") from None


IsoDate = Annotated[str, AfterValidator(_iso_date)]
Country = Annotated[str, Field(pattern="^[A-Z]{2}$")]
Line = Annotated[str, Field(min_length=1, max_length=600, pattern=r"^\S.*$")]
Network = Annotated[str, AfterValidator(_network)]
Port = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[str, Field(pattern="^[a-z0-9]+(-[a-z0-9]+)*$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OperatorFields(_Model):
    """Whose law reaches the service. A signature may override single fields of its vendor's."""

    country: Country | None = Field(None, description="ISO 3166-1 code of the parent's jurisdiction")
    contested: bool = Field(False, description="whether that jurisdiction's reach is disputed")
    entity: Line | None = Field(None, description="the contract entity, where it is known")
    source: Line | None = Field(None, description="who says so")
    date: IsoDate | None = Field(None, description="when the source was read")


class ReasonFields(_Model):
    """One attributed line."""

    text: Line = Field(description="the claim, in one line")
    source: Line = Field(description="who makes it")
    date: IsoDate = Field(description="the date of the source")
    counter: Line | None = Field(None, description="what is said against it")


class ScopeFields(_Model):
    """What a vendor's documentation says of where data is stored and where inference runs. Its words, attributed."""

    storage: Line | None = Field(None, description="where data is stored: the region that the host name states")
    inference: Line | None = Field(None, description="where inference runs: any node, including the Chinese mainland")
    includes_mainland: bool | None = Field(
        None, description="whether storage or inference may be on the Chinese mainland; leave out where it is not said"
    )
    source: Line = Field(description="the document that says so")
    date: IsoDate = Field(description="when it was read")

    @model_validator(mode="after")
    def _something_said(self) -> Self:
        if self.storage is None and self.inference is None:
            raise ValueError("a scope has 'storage' (where data is kept), 'inference' (where it runs), or both")
        return self


class HostFields(_Model):
    """One or several hosts of one kind. ``{group}`` in a host stands for each code of that group in ``regions``."""

    exact: Line | list[Line] | None = Field(None, description="the host itself")
    suffix: Line | list[Line] | None = Field(None, description="the host and everything below it")
    wildcard: Line | list[Line] | None = Field(None, description="'*' is one or more characters inside one label")
    region: Line | None = Field(
        None, description="the region the host states or its documentation names: CN (cn-beijing)"
    )
    source: Line | None = Field(None, description="where the host was seen")
    scope: Name | ScopeFields | None = Field(
        None, description="documented storage and inference: a name from 'scopes', or one of its own"
    )
    distinct_from: Line | list[Line] = Field([], description="hosts one edit away that are no typing error, checked")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(value is not None for value in (self.exact, self.suffix, self.wildcard)) != 1:
            raise ValueError("a host entry has one of 'exact', 'suffix' and 'wildcard'")
        return self

    @property
    def kind(self) -> HostKind:
        """The one kind that is given."""
        return next(kind for kind in HostKind if getattr(self, kind.value) is not None)

    @property
    def patterns(self) -> tuple[str, ...]:
        """The hosts as written, one or several."""
        return _several(getattr(self, self.kind.value))

    @property
    def distinct(self) -> tuple[str, ...]:
        """The hosts of ``distinct_from``."""
        return _several(self.distinct_from)


def _several(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


class SignatureFields(_Model):
    """One service. What is left out is the vendor's."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*\.[a-z0-9]+(-[a-z0-9]+)*$")] = Field(
        description="stable: vendor.service; alerts, approvals and metrics refer to it"
    )
    service: Line = Field(description="the service's title")
    category: Category
    service_class: ServiceClass = Field(alias="class")
    operator: OperatorFields | None = None
    hosts: list[HostFields] = []
    networks: list[Network] = Field([], description="addresses and networks, for services that are used without a name")
    ports: list[Port] = Field([], description="with networks: only these")
    reasons: list[Name | ReasonFields] | None = Field(None, description="names from _shared.yaml, or lines of its own")
    more_reasons: list[Name | ReasonFields] = Field([], description="before the reasons that hold anyway")
    alternatives: list[Line] | None = Field(None, description="instead of the defaults for the category")
    references: list[Line] | None = None
    examples: list[Line] = Field([], description="host names that must match this signature")
    counter_examples: list[Line] = Field([], description="host names that must not")
    last_reviewed: IsoDate | None = None
    note: Line | None = None
    scope: Name | ScopeFields | None = Field(None, description="for hosts without a 'scope' of their own")

    @model_validator(mode="after")
    def _something_to_match(self) -> Self:
        if not self.hosts and not self.networks:
            raise ValueError(f"'{self.id}' has neither 'hosts' nor 'networks'")
        if self.ports and not self.networks:
            raise ValueError(f"'{self.id}' has 'ports' without 'networks'")
        return self


class VendorFile(_Model):
    """One vendor: what holds for all of its services, then the services."""

    vendor: Line = Field(description="the vendor's name as it appears in alerts and metrics")
    operator: OperatorFields
    last_reviewed: IsoDate
    references: list[Line] = []
    reasons: list[Name | ReasonFields] | None = None
    alternatives: list[Line] | None = None
    regions: dict[Name, dict[Name, Country]] = Field(
        {}, description="groups of the vendor's region codes and their country"
    )
    scopes: dict[Name, ScopeFields] = Field({}, description="documented storage and inference that several hosts share")
    note: Line | None = None
    signatures: Annotated[list[SignatureFields], Field(min_length=1)]


class SilenceFile(_Model):
    """What a folder takes away from those before it."""

    silence: list[Line] = Field(description="ids of signatures that are not used")


class SharedFile(_Model):
    """What several vendors say alike."""

    reasons: dict[Name, ReasonFields] = {}
    default_reasons: dict[str, list[Name]] = Field({}, description="by class; 'ai-contested' for a contested operator")
    category_reasons: dict[Category, list[Name]] = Field({}, description="after those, for the classes ai and embedded")
    alternatives: dict[Category, list[Line]] = Field({}, description="by category, for the classes ai and embedded")
