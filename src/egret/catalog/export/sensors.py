"""Exports for network sensors: Suricata's rules and Zeek's intelligence file."""

from __future__ import annotations

import hashlib
import re

from egret.catalog.export.blocklist import beside
from egret.catalog.export.selection import Export, Selection, Target, ascii_text, known_names, label_expression
from egret.catalog.index import literal_tail
from egret.model import HostKind, Severity

_BUFFERS = (  # protocol, buffer, what its text needs to be compared in lower case
    ("tls", "tls.sni", "nocase; "),
    ("quic", "quic.sni", "nocase; "),
    ("dns", "dns.query", "nocase; "),
    ("http", "http.host", ""),  # normalised to lower case; Suricata refuses nocase there
)
_PRIORITY = {Severity.CRITICAL: 1, Severity.HIGH: 1, Severity.MEDIUM: 2, Severity.LOW: 3, Severity.INFO: 4}
_FIRST_SID, _SIDS = 1_100_000_000, 1_000_000_000  # above every allocated range, below 2**31


def suricata(selection: Selection) -> Export:
    """Rules for TLS, QUIC (Suricata 7), DNS and HTTP; each sid follows from signature, host and protocol."""
    left_out = [
        f"rules for {target.host.pattern} alert for {name} as well"
        for target in selection.targets
        if target.host.kind is HostKind.SUFFIX
        for name in beside(selection.others, target.host.pattern)
    ]
    lines = [f"# {line}" for line in selection.head(left_out)]
    taken: set[int] = set()
    for target in selection.targets:
        for protocol, buffer, nocase in _BUFFERS:
            sid = _sid(f"{target.signature.id} {target.host.kind}:{target.host.pattern} {protocol}", taken)
            lines.append(_rule(target, (protocol, buffer, nocase), sid))
    return Export("\n".join(lines) + "\n", tuple(left_out))


def _sid(key: str, taken: set[int]) -> int:
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % _SIDS
    while number in taken:
        number = (number + 1) % _SIDS
    taken.add(number)
    return _FIRST_SID + number


def _rule(target: Target, buffer: tuple[str, str, str], sid: int) -> str:
    host, signature = target.host, target.signature
    protocol, sticky, nocase = buffer
    if host.kind is HostKind.EXACT:
        condition = f'{sticky}; content:"{host.pattern}"; {nocase}startswith; endswith;'
    elif host.kind is HostKind.SUFFIX:
        condition = f'{sticky}; dotprefix; content:".{host.pattern}"; {nocase}endswith;'
    else:
        flag = "i" if nocase else ""
        tail = f'content:".{literal_tail(host.pattern)}"; {nocase}endswith; '
        condition = f'{sticky}; {tail}pcre:"/{label_expression(host.pattern)}/{flag}";'
    message = _escape(f"Egret {signature.vendor} {signature.service} ({protocol})")
    facts = f"signature {signature.id}, class {signature.service_class}, severity {target.severity}"
    return (
        f'alert {protocol} any any -> any any (msg:"{message}"; {condition} classtype:policy-violation; '
        f"priority:{_PRIORITY[target.severity]}; metadata:{facts}; "
        f"sid:{sid}; rev:{signature.last_reviewed.replace('-', '') or 1};)"
    )


def _escape(text: str) -> str:
    """Text for a quoted option: everything that could end it is escaped."""
    return re.sub(r'([\\";:])', r"\\\1", ascii_text(text))


def zeek_intel(selection: Selection) -> Export:
    """Tab-separated ``Intel::DOMAIN`` items. Zeek compares whole names, so a pattern is the names known of it."""
    left_out = [
        f"what else {target.host.kind} {target.host.pattern} covers"
        for target in selection.targets
        if target.host.kind is not HostKind.EXACT
    ]
    lines = [f"# {line}" for line in selection.head()]
    lines += [f"# {len(left_out)} patterns are only as many names as the catalogue knows of them"]
    lines.append("#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc")
    owner: dict[str, Target] = {}
    for target in sorted(selection.targets, key=lambda target: target.host.kind is not HostKind.EXACT):
        for name in known_names(target):
            owner.setdefault(name, target)
    for name, target in sorted(owner.items()):
        signature = target.signature
        note = ascii_text(f"{signature.vendor} {signature.service} [{signature.id}, {target.severity}]")
        lines.append(f"{name}\tIntel::DOMAIN\tEgret {selection.version}\t{note}")
    for signature, severity in selection.networks:
        for network in sorted(signature.networks):
            address, kind = _intel_network(network)
            note = ascii_text(f"{signature.vendor} {signature.service} [{signature.id}, {severity}]")
            lines.append(f"{address}\t{kind}\tEgret {selection.version}\t{note}")
    return Export("\n".join(lines) + "\n", tuple(left_out))


def _intel_network(network: str) -> tuple[str, str]:
    address, _, length = network.partition("/")
    single = length == ("128" if ":" in address else "32")
    return (address, "Intel::ADDR") if single else (network, "Intel::SUBNET")
