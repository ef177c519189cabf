"""The reference page of the catalogue: every service, its hosts, its operator and its sources."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import cast

from egret.model import HostKind, Operator, Scope, Signature
from egret.settings.catalogue import load_catalog

PAGE_HEAD = """\
# Every service

Made from the catalogue by `make docs`; do not edit. What each field means, and how to add a service:
[the catalogue](catalog.md). What a class leads to: [verdicts](verdicts.md).

A host stands for itself; `.host` is the host and everything below it; `*` is one or more characters inside one label.
The operator is whose law reaches the service, and says nothing about where bytes land.

"""
_CODE = re.compile(r"\(([a-z]{2,}-[a-z0-9-]+)\)")


def signatures_page() -> str:
    """The page ``docs/signatures.md``: a section for each vendor, a table of its services and a list of sources."""
    signatures = sorted(load_catalog().signatures, key=lambda each: (each.vendor.casefold(), each.vendor))
    groups = [(vendor, list(group)) for vendor, group in groupby(signatures, lambda each: each.vendor)]
    hosts = sum(len(each.hosts) for each in signatures)
    count = f"{len(groups)} vendors, {len(signatures)} services, {hosts} host patterns.\n"
    return PAGE_HEAD + count + "".join("\n".join(["", *_vendor(*group), ""]) for group in groups)


def _vendor(vendor: str, signatures: Sequence[Signature]) -> Iterator[str]:
    yield f"## {_cell(vendor)}"
    yield ""
    yield "| service | class | category | operator | hosts |"
    yield "|---|---|---|---|---|"
    for each in signatures:
        kind = f"{each.service_class} | {each.category}"
        yield f"| {_cell(each.service)}<br>`{each.id}` | {kind} | {_operator(each.operator)} | {_hosts(each)} |"
    yield ""
    yield f"- Operator: {_cell('; '.join(_unique(_source(each.operator) for each in signatures)))}."
    yield f"- Hosts: {_cell('; '.join(_unique(host.source for each in signatures for host in each.hosts)) or 'none')}."
    yield from _scopes(signatures)
    if links := _unique(reference for each in signatures for reference in each.references):
        yield f"- References: {_cell('; '.join(map(_link, links)))}."
    yield f"- Last reviewed: {min(each.last_reviewed for each in signatures)}."


def _scopes(signatures: Sequence[Signature]) -> Iterator[str]:
    """What is documented of storage and inference, each with the hosts it is documented for."""
    found: dict[Scope, list[str]] = {}
    for host in (host for each in signatures for host in each.hosts if host.scope):
        found.setdefault(cast("Scope", host.scope), []).append(f"`{host.pattern}`")
    for scope, hosts in found.items():
        said = {"storage": scope.storage, "inference": scope.inference}
        words = "; ".join(f'{name} "{_cell(text)}"' for name, text in said.items() if text)
        yield f"- Documented for {', '.join(_unique(hosts))}: {words} ({scope.source}, {scope.date})."


def _operator(operator: Operator) -> str:
    entity = f"<br>{_cell(operator.entity)}" if operator.entity else ""
    return f"{operator.country or 'unknown'}{', contested' if operator.contested else ''}{entity}"


def _source(operator: Operator) -> str:
    return f"{operator.source}, {operator.date}"


def _hosts(signature: Signature) -> str:
    """Hosts that differ only in their region are one entry with the number of regions."""
    found: dict[str, list[str]] = {}
    for host in signature.hosts:
        before = "." if host.kind is HostKind.SUFFIX else ""
        code = _CODE.search(host.region or "")
        template = host.pattern.replace(code[1], "{region}") if code else host.pattern
        found.setdefault(f"`{before}{template}`", []).append(host.region or "")
    shown = [name + (f" ({len(regions)} regions)" if "{region}" in name else "") for name, regions in found.items()]
    ports = f" port {', '.join(map(str, signature.ports))}" if signature.ports else ""
    return "<br>".join([*shown, *(f"`{network}`{ports}" for network in signature.networks)])


def _link(reference: str) -> str:
    return f"<{reference}>" if re.fullmatch(r"https?://[^\s<>]+", reference) else reference


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("_", "\\_") if "<http" not in text else text
