"""Exports for platforms that share indicators and rules: STIX 2.1 and Sigma. Ids are UUIDs of the signature's id."""

from __future__ import annotations

import json
import uuid

from egret.catalog.export.blocklist import beside
from egret.catalog.export.selection import LICENCE, Export, Selection, Target, label_expression, quoted
from egret.catalog.export.tables import by_signature
from egret.model import HostKind, Severity, Signature
from egret.names import printable

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:egret:catalogue")
_LEVELS = {Severity.INFO: "informational"} | {each: each.value for each in Severity if each is not Severity.INFO}
_SOURCES = (("dns", "query"), ("proxy", "cs-host"))  # of Sigma's taxonomy: log source, the field with the name


def _uuid(*parts: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, " ".join(parts)))


def stix(selection: Selection) -> Export:
    """A bundle: an identity, and an indicator for each signature."""
    moment = f"{selection.reviewed or '1970-01-01'}T00:00:00.000Z"
    identity = {
        "type": "identity",
        "spec_version": "2.1",
        "id": f"identity--{_uuid('identity')}",
        "created": "1970-01-01T00:00:00.000Z",
        "modified": moment,
        "name": "Egret catalogue",
        "description": "; ".join(selection.head()),
        "identity_class": "system",
    }
    groups = by_signature(selection)
    indicators = [_indicator(targets, str(identity["id"])) for targets in groups.values()]
    bundle = {
        "type": "bundle",
        "id": f"bundle--{_uuid('bundle', selection.version, selection.wanted)}",
        "objects": [identity, *indicators],
    }
    return Export(json.dumps(bundle, indent=1) + "\n", _also(selection))


def _indicator(targets: list[Target], creator: str) -> dict[str, object]:
    signature = targets[0].signature
    moment = f"{signature.last_reviewed}T00:00:00.000Z"
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--{_uuid('indicator', signature.id)}",
        "created_by_ref": creator,
        "created": moment,
        "modified": moment,
        "name": printable(f"{signature.vendor}: {signature.service}"),
        "description": _description(signature),
        "indicator_types": ["unknown"],  # a policy, not malice: the vocabulary has no word for it
        "pattern": "[" + " OR ".join(map(_comparison, targets)) + "]",
        "pattern_type": "stix",
        "valid_from": moment,
        "labels": [signature.service_class.value, signature.category.value, f"severity-{_highest(targets)}"],
        "external_references": [{"source_name": "egret", "external_id": signature.id}],
    }


def _description(signature: Signature) -> str:
    operator = signature.operator
    law = f"operator under the law of {operator.country or 'an unknown country'}"
    return printable(f"{law}{', contested' if operator.contested else ''} (source: {operator.source})")


def _highest(targets: list[Target]) -> Severity:
    return max((target.severity for target in targets), key=lambda severity: severity.rank)


def _comparison(target: Target) -> str:
    """One comparison; a backslash is doubled in a STIX string (STIX 2.1 section 9.2)."""
    host = target.host
    if host.kind is HostKind.EXACT:
        return f"domain-name:value = '{host.pattern}'"
    expression = label_expression(host.pattern)
    if host.kind is HostKind.SUFFIX:
        expression = r"^(.*\.)?" + expression[1:]
    return "domain-name:value MATCHES '" + expression.replace("\\", "\\\\") + "'"


def sigma(selection: Selection) -> Export:
    """One document for each signature and log source (DNS, proxy)."""
    left_out = _also(selection)
    lines = [f"# {line}" for line in selection.head(left_out)]
    for targets in by_signature(selection).values():
        for source, field in _SOURCES:
            lines += _sigma_rule(targets, source, field)
    return Export("\n".join(lines) + "\n", left_out)


def _sigma_rule(targets: list[Target], source: str, field: str) -> list[str]:
    signature = targets[0].signature
    lines = [
        "---",
        f"title: {quoted(f'{signature.vendor}: {signature.service} ({source})')}",
        f"id: {_uuid('sigma', signature.id, source)}",
        "status: stable",
        f"description: {quoted(_description(signature))}",
        f"references: [{', '.join(map(quoted, signature.references))}]",
        "author: Egret catalogue",
        f"date: {signature.last_reviewed}",
        f"license: {LICENCE}",
        "logsource:",
        f"    category: {source}",
        "detection:",
    ]
    kinds = (
        ("exact", field, [t.host.pattern for t in targets if t.host.kind is not HostKind.WILDCARD]),
        ("below", f"{field}|endswith", [f".{t.host.pattern}" for t in targets if t.host.kind is HostKind.SUFFIX]),
        (
            "like",
            f"{field}|re",
            [label_expression(t.host.pattern) for t in targets if t.host.kind is HostKind.WILDCARD],
        ),
    )
    for name, key, values in kinds:
        if values:
            lines += [f"    {name}:", f"        {key}:", *(f"            - {quoted(value)}" for value in values)]
    condition = " or ".join(name for name, _, values in kinds if values)
    return [*lines, f"    condition: {condition}", f"level: {_LEVELS[_highest(targets)]}"]


def _also(selection: Selection) -> tuple[str, ...]:
    """The trees that hold hosts which were not chosen: an indicator has no exceptions."""
    return tuple(
        f"{target.host.pattern} covers {name} as well"
        for target in selection.targets
        if target.host.kind is HostKind.SUFFIX
        for name in beside(selection.others, target.host.pattern)
    )
