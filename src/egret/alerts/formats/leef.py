r"""Log Event Extended Format 2.0: one line for QRadar.

LEEF escapes nothing, so values hold neither the delimiter nor a line end nor ``|``: they are spelled ``\xNN``. The
delimiter is ``^`` and not the tab, which syslog daemons rewrite.
Ref: IBM, LEEF version 2: header, predefined event attributes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from egret.alerts.formats.cef import SEVERITY
from egret.alerts.formats.inert import cut, fitting, inert
from egret.alerts.formats.protocols import transport
from egret.alerts.formats.text import headline, main_host
from egret.alerts.model import Alert, Incident, Sensor
from egret.alerts.veil import clear, is_pseudonym
from egret.model import IdentitySource

DELIMITER = "^"
_SPELLED = f"\\x{ord(DELIMITER):02x}"


def alert_to_leef(alert: Alert, sensor: Sensor, limit: int | None = None) -> str:
    """Give *alert* as one line, without a line end; *limit* as in ``alert_to_cef``."""
    return leef_line((sensor.version, alert.incident.signature), _attributes(alert, sensor), limit)


def leef_line(head: Iterable[str], attributes: Iterable[tuple[str, object]], limit: int | None) -> str:
    """Write a line: *head* is version and event; of *attributes* what fits."""
    line = "|".join(["LEEF:2.0", "Egret", "egret", *(_value(cut(field, 255)) for field in head), DELIMITER]) + "|"
    room = None if limit is None else limit - len(line.encode("utf-8"))
    return line + DELIMITER.join(fitting(attributes, _value, room))


def _value(text: str) -> str:
    return inert(text).replace(DELIMITER, _SPELLED)


def _attributes(alert: Alert, sensor: Sensor) -> Iterator[tuple[str, object]]:
    """The attributes, the most important first; predefined names where LEEF has one."""
    incident = alert.incident
    yield "devTime", alert.time_ns // 1_000_000
    yield "sev", SEVERITY[alert.severity]
    yield "cat", incident.service_class.value
    yield "incident", incident.id
    yield "action", alert.action.value
    yield "src", clear(incident.client)
    yield "client", incident.client_name or (incident.client if is_pseudonym(incident.client) else None)
    yield "host", main_host(incident)
    yield from _server(incident)
    yield "proto", transport(incident)
    yield "service", incident.service
    yield "vendor", incident.vendor
    yield from _facts(incident)
    yield "communityId", incident.community_id
    yield "alert", alert.id
    yield "score", incident.score
    yield "msg", headline(alert)
    yield "reason", incident.reasons[0] if incident.reasons else None
    yield "srcBytes", incident.bytes_out
    yield "dstBytes", incident.bytes_in
    yield "connections", incident.connections
    yield "lookups", incident.lookups
    yield "sensor", sensor.hostname
    yield "page", incident.page
    yield "alternatives", ", ".join(incident.alternatives)


def _server(incident: Incident) -> Iterator[tuple[str, object]]:
    if incident.servers:
        yield "dst", incident.servers[-1].ip
        yield "dstPort", incident.servers[-1].port


def _facts(incident: Incident) -> Iterator[tuple[str, object]]:
    """The two facts, apart; and the client for QRadar's assets, only where the operator named it."""
    yield "operatorCountry", incident.operator.country
    yield "operatorContested", str(incident.operator.contested).lower()
    yield "hostingCountry", incident.hosting.country
    yield "hostingAsn", incident.hosting.asn
    yield "hostingAsOrg", incident.hosting.as_org
    yield "srcMAC", clear(incident.client_mac)
    if incident.client_name_source is IdentitySource.STATIC:
        yield "identHostName", incident.client_name
        yield "identSrc", clear(incident.client)
