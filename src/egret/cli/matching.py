"""The catalogue's word on host names: what ``egret match`` does."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from egret import names
from egret.catalog.match import Catalog
from egret.cli.inputs import lines
from egret.cli.json_line import dump
from egret.judge.verdict import severity_of_class
from egret.settings.catalogue import load_catalog

_PLAIN_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")


def match_names(hosts: Sequence[str] | None = None, directories: Sequence[Path] | None = None) -> int:
    """Print a line for each of *hosts*; of standard input, where there are none or where one is ``-``."""
    signatures = load_catalog(directories or None)
    for line in lines(hosts or ["-"]):
        sys.stdout.write(dump(answer(signatures, line)) + "\n")
    return 0


def answer(catalog: Catalog, line: str) -> dict[str, object]:
    """The ``match`` line of the contract for one input line."""
    name = host_name(line)
    found = catalog.match_name(name) if name else None
    signature = found.signature if found else None
    return {
        "input": line,
        "name": name,
        "signature": signature and signature.id,
        "vendor": signature and signature.vendor,
        "service": signature and signature.service,
        "category": signature and signature.category,
        "class": signature and signature.service_class,
        "jurisdiction": signature
        and {"country": signature.operator.country, "contested": signature.operator.contested},
        "severity": severity_of_class(found.signature, found.region) if found else None,
    }


def host_name(text: str) -> str | None:
    """The canonical host name in what a person typed or pasted; None if there is none."""
    authority = text.strip()
    if scheme := _SCHEME.match(authority):
        authority = authority[scheme.end() :]
    authority = re.split(r"[/?#]", authority, maxsplit=1)[0].rpartition("@")[2]
    encoded = authority.encode("utf-8", "replace")
    host, port = names.split_port(encoded)
    if b":" in encoded and port is None:
        return None
    name = names.from_host(host)
    return name if name and _PLAIN_NAME.fullmatch(name) else None
