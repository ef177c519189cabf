"""An entry of systemd's journal: the facts as fields, our own form whole in one of them.

Ref: systemd, Native Journal Protocol: ``KEY=value``, or with a line end in it the key, the length and the value.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from egret.alerts.digest import Digest
from egret.alerts.formats.digest import DIGEST_LINES
from egret.alerts.formats.inert import cut, inert
from egret.alerts.formats.lines import LINES
from egret.alerts.formats.sensor_lines import SENSOR_LINES
from egret.alerts.formats.syslog import LEVEL
from egret.alerts.formats.text import headline, main_host
from egret.alerts.model import Alert, Sensor
from egret.alerts.sensor import SensorAlert

MESSAGE_ID = "8f3b5e0d6c2a4f7e9b1d3a5c7e9f1b2d"  # of every alert of ours: ``journalctl MESSAGE_ID=...`` finds them
_LONGEST = 2048  # bytes of a field of text


def journal_entry(alert: Alert, sensor: Sensor) -> bytes:
    """Give *alert* as one datagram of the native protocol."""
    return b"".join(serialised(_fields(alert, sensor)))


def sensor_entry(alert: SensorAlert, sensor: Sensor) -> bytes:
    """Give an alert about the sensor itself as one."""
    fields = {
        "MESSAGE": SENSOR_LINES["text"](alert, sensor),
        "MESSAGE_ID": MESSAGE_ID,
        "PRIORITY": str(LEVEL[alert.severity]),
        "SYSLOG_IDENTIFIER": "egret",
        "EGRET_ALERT": alert.id,
        "EGRET_ACTION": alert.turn.value,
        "EGRET_SEVERITY": alert.severity.value,
        "EGRET_PROBLEM": alert.finding.problem.value,
        "EGRET_JSON": SENSOR_LINES["jsonl"](alert, sensor),
    }
    return b"".join(serialised(fields.items()))


def digest_entry(digest: Digest, sensor: Sensor) -> bytes:
    """Give a digest as one."""
    fields = {
        "MESSAGE": DIGEST_LINES["text"](digest, sensor, None),
        "MESSAGE_ID": MESSAGE_ID,
        "PRIORITY": str(LEVEL[digest.severity]),
        "SYSLOG_IDENTIFIER": "egret",
        "EGRET_ALERT": digest.id,
        "EGRET_ACTION": "digest",
        "EGRET_SEVERITY": digest.severity.value,
        "EGRET_JSON": DIGEST_LINES["jsonl"](digest, sensor, None),
    }
    return b"".join(serialised(fields.items()))


def serialised(fields: Iterable[tuple[str, str]]) -> Iterator[bytes]:
    """Write fields; the keys are ours, the values may hold anything."""
    for key, value in fields:
        data = value.encode("utf-8", "replace")
        if b"\n" in data:
            yield b"%b\n%b%b\n" % (key.encode("ascii"), struct.pack("<Q", len(data)), data)
        else:
            yield b"%b=%b\n" % (key.encode("ascii"), data)


def _fields(alert: Alert, sensor: Sensor) -> Iterator[tuple[str, str]]:
    incident = alert.incident
    yield "MESSAGE", inert(headline(alert))
    yield "MESSAGE_ID", MESSAGE_ID
    yield "PRIORITY", str(LEVEL[alert.severity])
    yield "SYSLOG_IDENTIFIER", "egret"
    known = {
        "ALERT": alert.id,
        "INCIDENT": incident.id,
        "ACTION": alert.action.value,
        "SEVERITY": alert.severity.value,
        "SCORE": str(incident.score),
        "CLIENT": incident.client,
        "CLIENT_NAME": incident.client_name,
        "SIGNATURE": incident.signature,
        "CLASS": incident.service_class.value,
        "HOST": main_host(incident),
        "SERVER": incident.servers[-1].ip if incident.servers else None,
        "OPERATOR": incident.operator.country,
        "HOSTING": incident.hosting.country,
        "COMMUNITY_ID": incident.community_id,
        "PAGE": incident.page,
    }
    for key, value in known.items():
        if value:
            yield f"EGRET_{key}", inert(cut(value, _LONGEST))
    yield "EGRET_JSON", LINES["jsonl"](alert, sensor, None)
