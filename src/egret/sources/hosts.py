"""A file like /etc/hosts: names of addresses. Programs write such files too, so its names are not trusted."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

from egret.names import from_host
from egret.sources.leases import read_bounded

MAX_BYTES = 4 << 20
MAX_HOSTS = 65_536
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9])?")


def read_hosts(path: Path) -> dict[bytes, str]:
    """The first name of each address.

    Raises:
        SourceError: the file cannot be read.
    """
    return parse_hosts(read_bounded(path, MAX_BYTES))


def parse_hosts(text: str) -> dict[bytes, str]:
    """Names by packed address; loopback, link-local and unspecified addresses are no client's (block lists)."""
    found: dict[bytes, str] = {}
    for line in text.split("\n"):
        words = line.partition("#")[0].split(maxsplit=2)
        if len(words) < 2 or len(found) >= MAX_HOSTS:
            continue
        try:
            address = ipaddress.ip_address(words[0])
        except ValueError:
            continue
        name = from_host(words[1].encode("utf-8", "replace"))
        if name is None or not _HOST.fullmatch(name) or _is_special(address):
            continue
        found.setdefault(address.packed, name)
    return found


def _is_special(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local
