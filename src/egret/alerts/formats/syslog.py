r"""The syslog message of RFC 5424, and the shorter one that local sockets take.

Structured data carries the facts under ``egret@32473``: the enterprise number that RFC 5612 keeps for documentation,
until Egret has one of its own. In its values ``"``, ``\`` and ``]`` are escaped; control characters never come so far.
Ref: RFC 5424 sections 6 and 6.3.3; RFC 3164 section 4.1.3 for the local form.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

from egret.alerts.digest import Digest
from egret.alerts.formats.digest import DIGEST_LINES
from egret.alerts.formats.inert import cut, fitting, inert
from egret.alerts.formats.lines import LINES, SMALLEST_JSON
from egret.alerts.formats.sensor_lines import SENSOR_LINES
from egret.alerts.formats.table import FORMATS
from egret.alerts.formats.text import hosting_text, main_host
from egret.alerts.model import Alert, Sensor
from egret.alerts.sensor import SensorAlert
from egret.alerts.timestamps import rfc3339
from egret.model import Severity
from egret.value import Struct

SD_ID = "egret@32473"
_NIL = "-"
_BOM = "\ufeff"  # RFC 5424 section 6.4: begins a text that is UTF-8
LEVEL = {Severity.CRITICAL: 2, Severity.HIGH: 3, Severity.MEDIUM: 4, Severity.LOW: 5, Severity.INFO: 6}


class Facility(StrEnum):
    """What kind of program it is: RFC 5424 table 1, those that a service may use."""

    USER = "user"
    DAEMON = "daemon"
    AUTH = "auth"
    AUTHPRIV = "authpriv"
    LOCAL0 = "local0"
    LOCAL1 = "local1"
    LOCAL2 = "local2"
    LOCAL3 = "local3"
    LOCAL4 = "local4"
    LOCAL5 = "local5"
    LOCAL6 = "local6"
    LOCAL7 = "local7"


_CODES = {Facility.USER: 1, Facility.DAEMON: 3, Facility.AUTH: 4, Facility.AUTHPRIV: 10}


def facility_code(facility: Facility) -> int:
    """The number of *facility*."""
    return _CODES.get(facility) or 16 + int(facility.value.removeprefix("local"))


class SyslogForm(Struct, frozen=True, kw_only=True):
    """What messages look like."""

    sensor: Sensor
    form: str = "text"  # a name in LINES
    facility: Facility = Facility.LOCAL0
    process: str = _NIL  # the process id
    limit: int = 8192  # bytes of a whole message
    local: bool = False  # for a socket of this host: no host name, no time, no structured data


def smallest(form: str) -> int:
    """The least limit that *form* fits into: a receiver must take 480 bytes (RFC 5424 section 6.1)."""
    return SMALLEST_JSON + 512 if form in FORMATS else 480


def message(alert: Alert, form: SyslogForm) -> bytes:
    """Write *alert* as one message of at most ``form.limit`` bytes, without framing."""
    head = _head(alert.severity, alert.time_ns, f"incident-{alert.action.value}", form)
    if form.local:
        return _with_body(head, alert, form)
    room = (form.limit - len(head)) * 3 // 4  # the rest is for the sentence
    return _with_body(f"{head}{_structured(alert, room) if form.form == 'text' else _NIL} ", alert, form)


def sensor_message(alert: SensorAlert, form: SyslogForm) -> bytes:
    """Write an alert about the sensor itself, as ``message`` does."""
    body = SENSOR_LINES[form.form](alert, form.sensor)
    head = _head(alert.severity, alert.time_ns, f"sensor-{alert.turn.value}", form)
    data = ""
    if form.form == "text" and not form.local:
        body = body if body.isascii() else _BOM + body
        params = {"alert": alert.id, "problem": alert.finding.problem.value, "subject": alert.finding.subject}
        data = _element(fitting(params.items(), _quoted, form.limit // 2, 255))
    elif not form.local:
        data = _NIL
    return cut(f"{head}{data} {body}" if data else f"{head}{body}", form.limit).encode("utf-8")


def digest_message(digest: Digest, form: SyslogForm) -> bytes:
    """Write a digest, as ``message`` does."""
    head = _head(digest.severity, digest.time_ns, "digest", form) + ("" if form.local else f"{_NIL} ")
    room = form.limit - len(head.encode("utf-8"))
    body = DIGEST_LINES[form.form](digest, form.sensor, room)
    if form.form == "text" and not form.local and not body.isascii():
        body = _BOM + cut(body, room - len(_BOM.encode("utf-8")))
    return cut(f"{head}{body}", form.limit).encode("utf-8")


def _with_body(head: str, alert: Alert, form: SyslogForm) -> bytes:
    start = head.encode("utf-8")
    room = form.limit - len(start)
    body = LINES[form.form](alert, form.sensor, room)
    if form.form == "text" and not form.local and not body.isascii():
        body = _BOM + LINES[form.form](alert, form.sensor, room - len(_BOM.encode("utf-8")))
    return start + body.encode("utf-8")


def _head(severity: Severity, time_ns: int, identity: str, form: SyslogForm) -> str:
    """What comes before the structured data; in the local form, before the text."""
    priority = f"<{facility_code(form.facility) * 8 + LEVEL[severity]}>"
    if form.local:
        process = "" if form.process == _NIL else f"[{form.process}]"
        return f"{priority}egret{process}: "
    second = f"{rfc3339(time_ns)[:26]}Z"  # microseconds are all that section 6.2.3 takes
    return f"{priority}1 {second} {_name(form.sensor.hostname, 255)} egret {_name(form.process, 128)} {identity} "


def _name(text: str | None, limit: int) -> str:
    """PRINTUSASCII without spaces (RFC 5424 section 6), or nothing known."""
    return "".join(c for c in text or "" if "!" <= c <= "~")[:limit] or _NIL


def _structured(alert: Alert, room: int) -> str:
    """One element, as many of its parameters as fit; else none."""
    return _element(fitting(_params(alert), _quoted, room - len(SD_ID) - 2, 255))


def _element(params: Iterable[str]) -> str:
    text = " ".join(params)
    return f"[{SD_ID} {text}]" if text else _NIL


def _quoted(text: str) -> str:
    escaped = inert(text).replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
    return f'"{escaped}"'


def _params(alert: Alert) -> Iterator[tuple[str, object]]:
    """The most important first; names are SD-NAMEs: printable ASCII, at most 32 characters."""
    incident = alert.incident
    yield "alert", alert.id
    yield "incident", incident.id
    yield "action", alert.action.value
    yield "severity", alert.severity.value
    yield "client", incident.client
    yield "signature", incident.signature
    yield "host", main_host(incident)
    yield "server", incident.servers[-1].ip if incident.servers else None
    yield "port", incident.servers[-1].port if incident.servers else None
    yield "class", incident.service_class.value
    yield "score", incident.score
    yield "communityId", incident.community_id
    yield "operator", incident.operator.country
    yield "contested", str(incident.operator.contested).lower()
    yield "hosting", incident.hosting.country
    yield "network", hosting_text(incident.hosting)
    yield "clientName", incident.client_name
    yield "vendor", incident.vendor
    yield "service", incident.service
    yield "bytesOut", incident.bytes_out
    yield "bytesIn", incident.bytes_in
    yield "connections", incident.connections
    yield "lookups", incident.lookups
