"""``egret explain``: everything known about a host name, an address or an incident, with sources."""

from __future__ import annotations

import ipaddress
import json
import re
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from egret.cli.decision import decision, decision_lines
from egret.cli.explanation import explain_address, explain_incident, explain_name
from egret.cli.matching import host_name
from egret.cli.output import USAGE, complain
from egret.daemon.grounds import load_grounds
from egret.daemon.rules import load_rules
from egret.evidence import About
from egret.judge.reasons import attributed
from egret.model import Reasoning
from egret.names import printable, split_port
from egret.settings.places import default_config_file

WIDTH = 100
INCIDENT_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")  # as alerts.model makes them
_LABEL = 14
# facts that the chain tells with more detail; what is left says what was seen and what was not
_IN_THE_CHAIN = (
    "PRC-operated",
    "Operator contested",
    "Operated from",
    "The host name states",
    "A stated region names",
    "Documented by the vendor",
)


def explain(
    what: Annotated[
        str, typer.Argument(metavar="NAME|ADDRESS|INCIDENT", help="A host name, an IP address or an incident's id")
    ],
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Configuration file")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
    client: Annotated[
        str | None, typer.Option("--client", help="Say what was decided for this address or group of clients")
    ] = None,
) -> None:
    """Say all that is known about a host name or an address, and how the verdict comes about.

    Nothing is resolved and no packet is sent: a name is judged by the catalogue, an address by the databases. An
    incident is read from the store, with the score as it was summed then; that somebody looked is written down there.

    Example: egret explain dashscope-intl.aliyuncs.com
    """
    rules = load_rules(config or default_config_file())
    if INCIDENT_ID.fullmatch(what):
        from egret.cli.kept import kept_incident  # noqa: PLC0415 (the store: for incidents only)

        _print(explain_incident(kept_incident(rules.store, what), load_grounds(rules).catalog), as_json)
        return
    ip, name = _read(what)
    if ip is None and name is None:
        complain(f"'{what}' is neither a host name nor an IP address; give one, as in chat.qwen.ai or 203.0.113.7")
        raise typer.Exit(USAGE)
    known = load_grounds(rules)
    if ip is None:
        found = explain_name(name or "", known.catalog, known.judge)
    else:
        found = explain_address(ip, known.catalog, known.judge)
    signature = next((each for each in known.catalog.signatures if each.id == found.get("signature")), None)
    if signature is not None:
        found["approval"] = decision(signature, client, rules, time.time_ns())
    _print(found, as_json)


def _print(found: Mapping[str, Any], as_json: bool) -> None:
    sys.stdout.write(json.dumps(found, indent=2) + "\n" if as_json else "".join(f"{line}\n" for line in render(found)))


def _read(text: str) -> tuple[bytes | None, str | None]:
    """An address, or a canonical name; a pasted URL stands for its host."""
    bare, _ = split_port(text.strip().encode("utf-8", "replace"))
    try:
        return ipaddress.ip_address(bare.decode("utf-8", "replace").strip("[]")).packed, None
    except ValueError:
        return None, host_name(text)


def render(found: Mapping[str, Any]) -> Iterator[str]:
    """The explanation as lines of text for a person."""
    yield str(found["name"] or found["address"] or found["incident"])
    if "incident" in found:
        yield from _incident(found)
    elif found["known"]:
        yield from _service(found)
    elif found["name"]:
        yield from _unknown(found)
    else:
        yield from _row("signature", "none: the catalogue names no network with this address")
        yield from _nameless(found)
    if found.get("hosting"):
        yield from _hosting(found["hosting"])
    yield from _row("catalogue", found["catalogue"])


def _service(found: Mapping[str, Any]) -> Iterator[str]:
    yield from _row("service", f"{found['service']} ({found['vendor']})")
    yield from _row("signature", f"{found['signature']}, by {found['pattern']}")
    yield from _row("class", f"{found['class']}, category {found['category']}")
    higher = f"; {found['severity_in_china']} at an address in China" if found["severity_in_china"] else ""
    yield from _row("severity", f"{found['severity']}{higher}; {found['severity_of_a_lookup']} for a look-up alone")
    yield from _sum(found)
    if "approval" in found:
        yield from _list("approval", list(decision_lines(found["approval"])))
    yield from _chain(found)
    yield from _list("seen", [fact for fact in found["facts"] if not fact.startswith(_IN_THE_CHAIN)])
    regions = [region for region in found["regions"] if region != found["region"]]
    if regions:
        yield from _row("other regions", f"stated by other hosts of this service: {', '.join(regions)}")
    yield from _list("why it matters", [attributed(Reasoning(**each)) for each in found["reasons"]])
    if found["alternatives"]:
        yield from _row("alternatives", ", ".join(found["alternatives"]))
    if found["note"]:
        yield from _row("note", found["note"])
    yield from _list("references", found["references"])
    yield from _row("last reviewed", found["last_reviewed"] or "never")


def _incident(found: Mapping[str, Any]) -> Iterator[str]:
    yield from _row("client", found["client"])
    yield from _row("service", f"{found['service']} ({found['vendor']}), {found['signature']}")
    yield from _row("class", f"{found['class']}, category {found['category']}")
    yield from _row("seen", f"{found['first'][:19]}Z to {found['last'][:19]}Z")
    yield from _row("hosts", ", ".join(found["hosts"]) or "none: recognised by address")
    yield from _row("severity", str(found["severity"]))
    yield from _sum(found)
    yield from _chain(found)
    yield from _list("reasons", found["reasons"])
    if found["alternatives"]:
        yield from _row("alternatives", ", ".join(found["alternatives"]))
    yield from _list("references", found["references"])


def _chain(found: Mapping[str, Any]) -> Iterator[str]:
    """Fact by fact: what it says, how it may be read, and who says so since when."""
    for label, about in (("whose law", About.OPERATOR), ("where", About.HOSTING)):
        links = [link for link in found["jurisdiction_chain"] if link["about"] == about]
        yield from _list(label, [_link(link) for link in links])


def _link(link: Mapping[str, str]) -> str:
    source = ", ".join(part for part in (link["source"], link["date"]) if part)
    note = f"; {link['note']}" if link["note"] else ""
    return f"{link['fact'].replace('_', ' ')}: {link['value']}{note}{f' ({source})' if source else ''}"


def _sum(found: Mapping[str, Any]) -> Iterator[str]:
    """The score line by line, as it would be added up on paper."""
    yield from _row("score", f"{found['score']} of 100, the sum of")
    for part in found["score_parts"]:
        yield from _row("", f"{part['points']:+4d}  {part['name']}: {part['why']}", hanging=6)


def _unknown(found: Mapping[str, Any]) -> Iterator[str]:
    yield from _row("signature", "not in the catalogue: no alert, and nothing about it is stored")
    if found["similar"]:
        alike = ", ".join(found["similar"])
        yield from _row("spelled alike", f"{alike} (in the catalogue; a like spelling does not say who runs a host)")


def _nameless(found: Mapping[str, Any]) -> Iterator[str]:
    """What a connection to an address would be that nothing names."""
    unnamed = found.get("unnamed")
    if unnamed:
        yield from _row(
            "without a name", f"{unnamed['service']}: class {unnamed['class']}, severity {unnamed['severity']}"
        )
        yield from _sum(unnamed)
        yield from _chain(unnamed)


def _hosting(hosting: Mapping[str, Any]) -> Iterator[str]:
    if hosting["source"] is None:
        yield from _row("hosting", "no database knows this address, or it is a private or reserved one")
        return
    china = "; counted as in China" if hosting["in_china"] else ""
    yield from _row("hosting", f"{hosting['country'] or 'country unknown'}{china} ({hosting['source']})")
    number = f"AS{hosting['asn']} {hosting['as_org'] or ''}".rstrip() if hosting["asn"] else "unknown"
    operator = f", operated by {hosting['network_operator']}" if hosting["network_operator"] else ""
    yield from _row("network", f"{number}{operator}; class {hosting['network']}")


def _list(label: str, items: list[str]) -> Iterator[str]:
    for index, item in enumerate(items):
        yield from _row(label if index == 0 else "", f"- {item}", hanging=2)


def _row(label: str, text: str, hanging: int = 0) -> Iterator[str]:
    indent = " " * (_LABEL + 4)
    yield from textwrap.wrap(
        printable(text), WIDTH, initial_indent=f"  {label:<{_LABEL}}  ", subsequent_indent=indent + " " * hanging
    )
