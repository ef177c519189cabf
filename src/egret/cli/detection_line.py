"""The contract's JSON lines of what was found: what ``replay --detections`` prints."""

from __future__ import annotations

from egret.alerts.codec import chain_to_list, parts_to_list
from egret.alerts.formats.client import client_fields
from egret.cli.lines import connection_line, observation_line
from egret.model import Detection, Observation


def detection_line(detection: Detection, file: str | None) -> dict[str, object]:
    """The ``replay --detections`` line of the contract."""
    event, verdict, signature = detection.observation, detection.verdict, detection.match.signature
    line = observation_line(event, file) if isinstance(event, Observation) else connection_line(event, file)
    return line | {
        "signature": signature.id,
        "vendor": signature.vendor,
        "service": signature.service,
        "category": signature.category,
        "class": signature.service_class,
        "severity": verdict.severity,
        "score": verdict.score,
        "score_parts": parts_to_list(verdict.score_parts),
        "reasons": list(verdict.reasons),
        "operator": {"country": verdict.operator.country, "contested": verdict.operator.contested},
        "hosting": {
            "country": verdict.hosting.country,
            "asn": verdict.hosting.asn,
            "as_org": verdict.hosting.as_org,
            "source": verdict.hosting.source,
        },
        "region": detection.match.region,
        "jurisdiction_chain": chain_to_list(verdict.jurisdiction_chain),
        "lookup_only": verdict.lookup_only,
        **client_fields(detection.client),
    }
