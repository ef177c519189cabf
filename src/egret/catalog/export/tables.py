"""The selection as data: CSV and JSON, with everything that the catalogue says of each host."""

from __future__ import annotations

import csv
import io
import json

from egret.catalog.export.selection import LICENCE, Export, Selection, Target
from egret.model import Severity, Signature
from egret.names import printable

_COLUMNS = (
    "kind",
    "pattern",
    "region",
    "ports",
    "signature",
    "vendor",
    "service",
    "category",
    "class",
    "severity",
    "operator_country",
    "contested",
    "source",
    "last_reviewed",
    "catalogue",
)


def rows(selection: Selection) -> list[dict[str, object]]:
    """One row a host pattern, then one a network."""
    found = [
        {"kind": target.host.kind.value, "pattern": target.host.pattern, "region": target.host.region, "ports": []}
        | _facts(target.signature, target.severity)
        | {"source": target.host.source}
        for target in selection.targets
    ]
    for signature, severity in selection.networks:
        found += [
            {"kind": "network", "pattern": network, "region": None, "ports": list(signature.ports)}
            | _facts(signature, severity)
            | {"source": signature.operator.source}
            for network in signature.networks
        ]
    return found


def _facts(signature: Signature, severity: Severity) -> dict[str, object]:
    return {
        "signature": signature.id,
        "vendor": signature.vendor,
        "service": signature.service,
        "category": signature.category.value,
        "class": signature.service_class.value,
        "severity": severity.value,
        "operator_country": signature.operator.country,
        "contested": signature.operator.contested,
        "last_reviewed": signature.last_reviewed,
    }


def csv_table(selection: Selection) -> Export:
    """RFC 4180, LF for line ends, a head of column names; no comment lines, so the version is a column."""
    out = io.StringIO()
    writer = csv.DictWriter(out, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows(selection):
        writer.writerow({key: _cell(value) for key, value in row.items()} | {"catalogue": selection.version})
    return Export(out.getvalue())


def _cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    if isinstance(value, bool):
        return str(value).lower()
    text = " ".join(map(str, value)) if isinstance(value, list) else "" if value is None else printable(str(value))
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def json_table(selection: Selection) -> Export:
    """One object: the head's facts, then the rows."""
    whole = {
        "catalogue": selection.version,
        "last_reviewed": selection.reviewed,
        "licence": LICENCE,
        "selection": selection.wanted,
        "hosts": rows(selection),
    }
    return Export(json.dumps(whole, indent=1) + "\n")


def by_signature(selection: Selection) -> dict[str, list[Target]]:
    """The targets of each signature, in the order of the catalogue."""
    found: dict[str, list[Target]] = {}
    for target in selection.targets:
        found.setdefault(target.signature.id, []).append(target)
    return found
