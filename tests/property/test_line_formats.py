"""Whatever a name holds, each line format is one line, in its bounds, and reads back to the fields that were written."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from egret.alerts.formats.cef import alert_to_cef
from egret.alerts.formats.inert import inert
from egret.alerts.formats.leef import alert_to_leef
from egret.alerts.formats.lines import JSON_LINES, LINES, SMALLEST_JSON
from egret.alerts.formats.syslog import SyslogForm, message, smallest
from egret.alerts.model import Alert, Sensor
from egret.value import replace
from tests.support.alerts import HOSTILE, opened
from tests.support.lines import read_cef, read_leef, read_syslog

SENSOR = Sensor("1.2.3", "gw.example")
BASE = opened()
PIECES = [
    *HOSTILE,
    "\\",
    "=",
    "|",
    "^",
    '"',
    "]",
    "[",
    " ",
    "\t",
    "src=",
    " act=",
    "](",
    "\\|",
    "\\=",
    "a",
    "ä",
    "€",
    "\u2028",
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.characters(), max_size=60).map("".join)


@st.composite
def alerts(draw: st.DrawFn) -> Alert:
    text, other = draw(TEXTS), draw(TEXTS)
    server = replace(BASE.incident.servers[0], host=text, hosting=replace(BASE.incident.hosting, as_org=other))
    incident = replace(
        BASE.incident,
        signature=draw(TEXTS),
        vendor=other,
        service=text,
        client_name=draw(TEXTS) or None,
        servers=(server,),
        hosts=(text,),
        reasons=(other,),
        alternatives=(text, other),
        interfaces=(text,),
    )
    return replace(BASE, incident=incident)


def is_inert(text: str) -> bool:
    return text.isprintable() and not set(text) & set("<>`") and text[:1] not in set("=+-@")


@given(alerts())
@settings(deadline=None, max_examples=150)
def test_cef_reads_back(alert: Alert) -> None:
    head, fields = read_cef(alert_to_cef(alert, SENSOR))
    assert fields["act"] == "opened"
    assert fields["src"] == "192.0.2.7"
    assert fields.get("dhost", "") == inert(alert.incident.hosts[0]).strip()
    assert all(is_inert(value) for value in [*head, *fields.values()])


@given(alerts())
@settings(deadline=None, max_examples=150)
def test_leef_reads_back(alert: Alert) -> None:
    head, attributes = read_leef(alert_to_leef(alert, SENSOR))
    assert (attributes["action"], attributes["src"]) == ("opened", "192.0.2.7")
    assert attributes.get("host", "") == inert(alert.incident.hosts[0]).replace("^", r"\x5e")
    assert all(is_inert(value) for value in [*head, *attributes.values()])


@given(alerts(), st.integers(480, 4096))
@settings(deadline=None, max_examples=150)
def test_structured_data_reads_back(alert: Alert, limit: int) -> None:
    data = message(alert, SyslogForm(sensor=SENSOR, limit=limit))
    assert len(data) <= limit
    _, params, text = read_syslog(data)
    assert all(is_inert(value) for value in params.values())
    assert is_inert(text.removeprefix("\ufeff"))
    if limit > 3000 and alert.incident.hosts[0]:
        assert params["host"] == inert(alert.incident.hosts[0])[:255] or len(params["host"]) > 200


@given(alerts(), st.sampled_from(sorted(LINES)))
@settings(deadline=None, max_examples=150)
def test_every_line_is_one_and_fits(alert: Alert, name: str) -> None:
    limit = SMALLEST_JSON if name in JSON_LINES else smallest(name)
    line = LINES[name](alert, SENSOR, limit)
    assert len(line.encode()) <= limit
    assert line.isprintable()
    if name in JSON_LINES:
        assert isinstance(json.loads(line), dict)
