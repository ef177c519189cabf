"""Reads ``_resolvers.yaml``: encrypted resolvers that are not run from the PRC."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from egret.catalog import hosts
from egret.catalog.resolvers import Resolver, Resolvers
from egret.model import HostKind
from egret.settings import positions, schema
from egret.settings.bundled import RESOLVERS, signatures_dir
from egret.settings.signature_file import Country, Line


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(f"'{text}' is no address") from None


def _host(text: str) -> str:
    if remedy := hosts.problem(HostKind.SUFFIX, text):
        raise ValueError(f"bad host '{text}': {remedy}")
    return text


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ResolverFields(_Model):
    """One operator."""

    operator: Line
    country: Country | None = None
    source: Line
    names: list[Annotated[str, AfterValidator(_host)]] = []
    addresses: list[Annotated[str, AfterValidator(_address)]] = []


class ResolversFile(_Model):
    """The whole file."""

    resolvers: list[ResolverFields]


def load_resolvers(path: Path | None = None) -> Resolvers:
    """Load *path* (None: the bundled file).

    Raises:
        ConfigErrors: every error of the file.
    """
    file = schema.validate(ResolversFile, positions.load(path or signatures_dir() / RESOLVERS))
    return Resolvers(
        Resolver(
            operator=each.operator,
            country=each.country,
            names=tuple(each.names),
            addresses=tuple(ipaddress.ip_address(address).packed for address in each.addresses),
        )
        for each in file.resolvers
    )
