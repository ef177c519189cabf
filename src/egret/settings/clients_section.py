"""Section ``clients``: what the machines of the network are called, and which of them speak for others."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from egret.model import Role
from egret.settings.sections import Section
from egret.settings.suggest import suggest
from egret.settings.units import Duration
from egret.settings.values import FilePath, IPNetwork, Network, Slug, parse_network

_MAC = re.compile(r"[0-9a-f]{2}([:-][0-9a-f]{2}){5}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}")
MAX_REFRESH = timedelta(hours=1)


def _mac(value: object) -> str:
    text = str(value).strip().lower()
    if not _MAC.fullmatch(text):
        raise ValueError(f"'{text}' is no hardware address; write it in quotes, as \"02:00:5e:10:00:01\"")
    return text.replace("-", ":")


def _address(value: object) -> str:
    try:
        return str(ipaddress.ip_address(str(value).strip()))
    except ValueError:
        raise ValueError(
            f"'{value}' is no address; write it as 192.0.2.1 or 2001:db8::1, and networks as subnet"
        ) from None


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(f"'{value}' is no name of a client; use up to 63 letters, digits, spaces, '.', '_' and '-'")
    return value


def _member(value: object) -> str:
    """A network, a hardware address, or the name of a static client; as text in its one spelling."""
    text = str(value).strip()
    if _MAC.fullmatch(text.lower()):
        return _mac(text)
    if "/" in text or ":" in text or text.replace(".", "").isdigit():
        network: IPNetwork = parse_network(text)
        return str(network)
    return _name(text)


Mac = Annotated[str, BeforeValidator(_mac), WithJsonSchema({"type": "string", "examples": ["02:00:5e:10:00:01"]})]
Address = Annotated[
    str, BeforeValidator(_address), WithJsonSchema({"type": "string", "examples": ["192.0.2.1", "2001:db8::1"]})
]
ClientName = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"})]
Member = Annotated[
    str,
    BeforeValidator(_member),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "examples": ["192.0.2.0/24", "02:00:5e:10:00:01", "printer"]}),
]


class StaticClient(Section):
    """One client, or the clients of one subnet, by the operator's own word."""

    address: Address | None = Field(default=None, description="Its address")
    mac: Mac | None = Field(default=None, description="Its hardware address: all its addresses are one client")
    subnet: Network | None = Field(default=None, description="A network; its clients stay apart, the name is a label")
    name: ClientName | None = Field(
        default=None, description="What it is called; entries of one name (by address or mac) are one client"
    )
    groups: tuple[Slug, ...] = Field(default=(), description="Groups that it belongs to")
    role: Role | None = Field(default=None, description="What it is in the network; null: an ordinary client")

    @model_validator(mode="after")
    def _one_selector(self) -> Self:
        if sum(each is not None for each in (self.address, self.mac, self.subnet)) != 1:
            raise ValueError("a static client needs exactly one of address, mac and subnet")
        if self.name is None and not self.groups and self.role is None:
            raise ValueError("a static client without name, groups and role says nothing; add one of them")
        return self


class ClientRoles(Section):
    """Clients that speak for others, and servers: networks, hardware addresses or names of static clients."""

    resolver: tuple[Member, ...] = Field(default=(), description="They look up names for others")
    proxy: tuple[Member, ...] = Field(default=(), description="They connect for others")
    nat: tuple[Member, ...] = Field(default=(), description="Others are behind their address")
    server: tuple[Member, ...] = Field(default=(), description="Machines without a person in front of them")


class LeaseFile(Section):
    """A file of DHCP leases."""

    path: FilePath = Field(description="Where it is; it is read again when it changes")
    format: Literal["auto", "dnsmasq", "kea", "isc"] = Field(
        default="auto", description="Whose form it has; `auto` looks at its first lines"
    )


class Clients(Section):
    """What clients are called."""

    static: tuple[StaticClient, ...] = Field(
        default=(), max_length=10_000, description="Clients that you name: what DHCP says comes after this"
    )
    groups: dict[Slug, tuple[Member, ...]] = Field(
        default_factory=dict,
        max_length=1_000,
        description="Groups of clients: networks, hardware addresses, names of static clients",
    )
    roles: ClientRoles = Field(default=ClientRoles.default(), description="")
    leases: tuple[LeaseFile, ...] = Field(default=(), max_length=16, description="DHCP leases, for names and devices")
    hosts_file: FilePath | None = Field(default=None, description="A file like /etc/hosts, for names")
    discover: bool = Field(
        default=True,
        description="With no `leases`: read those of a DHCP server on this machine, if there is one; never in `replay`",
    )
    neighbours: bool = Field(
        default=True,
        description="Ask the kernel's neighbour table which addresses belong to one device; never in `replay`",
    )
    refresh: Duration = Field(default=timedelta(seconds=10), description="How often files and neighbours are looked at")

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if not timedelta(seconds=1) <= self.refresh <= MAX_REFRESH:
            raise ValueError('clients.refresh: from "1s" to "1h"')
        self._one_name_each()
        known = {entry.name for entry in self.static if entry.name and entry.subnet is None}
        for where, members in self._lists().items():
            for member in members:
                if not _is_selector(member) and member not in known:
                    hint = suggest(member, known) or "name it under clients.static, by address or mac"
                    raise ValueError(f"{where}: no static client is called '{member}' ({hint})")
        return self

    def _one_name_each(self) -> None:
        """An address, hardware address or subnet has one name, or nobody knows which one was meant."""
        names: dict[str, str] = {}
        for entry in self.static:
            which = str(entry.address or entry.mac or entry.subnet)
            if entry.name is not None and names.setdefault(which, entry.name) != entry.name:
                raise ValueError(f"clients.static: {which} is called '{names[which]}' and '{entry.name}'; keep one")

    def _lists(self) -> dict[str, tuple[str, ...]]:
        groups = {f"clients.groups.{name}": members for name, members in self.groups.items()}
        return groups | {f"clients.roles.{role}": getattr(self.roles, role) for role in Role}

    @property
    def group_names(self) -> frozenset[str]:
        """Every group that a client can be in."""
        return frozenset(self.groups) | {group for entry in self.static for group in entry.groups}


def _is_selector(member: str) -> bool:
    return "/" in member or _MAC.fullmatch(member) is not None
