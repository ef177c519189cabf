"""``egret match``: the catalogue's word on host names."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from egret import names
from egret.catalog.match import Catalog
from egret.cli.lines import dump
from egret.judge.verdict import severity_of_class
from egret.settings.signatures import load_catalog

MAX_LINE = 65536  # longer lines are no host names; the rest of one is read and forgotten
_PLAIN_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")


def match(
    hosts: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME|-]...", help="host names; - or nothing reads them from stdin")
    ] = None,
    *,
    catalog: Annotated[
        list[Path] | None,
        typer.Option("--catalog", metavar="DIR", help="signatures instead of the bundled ones"),
    ] = None,
) -> None:
    """Say what the catalogue knows about host names: one JSON line for each, in order.

    Scheme, port, path, capitals and final dot are taken off first; a line that is no host name has "name": null.

    Example: egret match chat.qwen.ai notqwen.ai
    """
    signatures = load_catalog(catalog or None)
    for line in _lines(hosts or ["-"]):
        sys.stdout.write(dump(answer(signatures, line)) + "\n")


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


def _lines(arguments: Iterable[str]) -> Iterator[str]:
    for argument in arguments:
        if argument == "-":
            yield from _stdin_lines()
        else:
            yield argument.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _stdin_lines() -> Iterator[str]:
    """The lines of standard input; bytes that are no UTF-8 are escaped, so that each line has its answer."""
    read = sys.stdin.buffer.readline
    while line := read(MAX_LINE):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = read(MAX_LINE)
        yield line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "backslashreplace")
