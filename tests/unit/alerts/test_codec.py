from __future__ import annotations

import json

import pytest

from egret.alerts.codec import alert_from_dict, alert_to_dict, incident_from_dict, incident_to_dict
from egret.alerts.incidents import IncidentPolicy, Incidents
from egret.alerts.model import Alert
from egret.model import IdentitySource, Role, VolumeSource
from egret.value import replace
from tests.support.alerts import START_NS, alerts_of, connection, hello, lookup, opened, volume

NOT_IN_OLD_STORES = {"bytes_out", "bytes_in", "volume_source", "volume_limits", "approval"}


def whole_life() -> list[Alert]:
    incidents = Incidents(IncidentPolicy(update_every_ns=1))
    alerts = [a for d in (lookup(0), hello(1), connection(1), hello(2, port=1)) for a in incidents.feed(d)]
    return alerts + incidents.tick(START_NS + 3600 * 10**9)


def test_every_alert_of_a_life_goes_through_json_unchanged() -> None:
    alerts = whole_life()
    assert {alert.action.value for alert in alerts} == {"opened", "escalated", "updated", "closed"}
    for alert in alerts:
        assert alert_from_dict(json.loads(json.dumps(alert_to_dict(alert)))) == alert
        assert incident_from_dict(json.loads(json.dumps(incident_to_dict(alert.incident)))) == alert.incident


@pytest.mark.parametrize(
    "change", [{"schema": "egret.alert/999"}, {"action": "exploded"}, {"time": 5}, {"sequence": "x"}]
)
def test_another_schema_or_a_damaged_value_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not an alert"):
        alert_from_dict(alert_to_dict(opened()) | change)


# rows of earlier versions have none
ADDED = {"score_parts", "jurisdiction_chain", "community_id", "evidence_files", "evidence_api", "page"}


def test_every_missing_field_is_refused_but_those_that_came_later() -> None:
    whole = incident_to_dict(opened().incident)
    old = {name: value for name, value in whole.items() if name not in ADDED}
    assert incident_from_dict(old).score_parts == ()
    for key in whole.keys() - ADDED - NOT_IN_OLD_STORES - {"client_key"}:  # incidents from before clients had names
        with pytest.raises(ValueError, match="not an incident"):
            incident_from_dict({name: value for name, value in whole.items() if name != key})


@pytest.mark.parametrize("body", [[], None, "x", 7])
def test_what_is_no_object_is_refused(body: object) -> None:
    with pytest.raises(ValueError, match="not an"):
        incident_from_dict(body)  # type: ignore[arg-type]


def test_times_are_text_with_all_nanoseconds() -> None:
    body = alert_to_dict(alerts_of(hello())[0])
    assert body["time"] == "2026-01-01T00:00:00.123456789Z" == body["incident"]["first"]
    assert body["schema"] == "egret.alert/1"


def test_a_named_client_goes_through_json_unchanged() -> None:
    incident = replace(
        opened().incident,
        client_key="mac:02:00:5e:10:00:01",
        client_name="printer",
        client_name_source=IdentitySource.LEASE,
        client_groups=("office",),
        client_mac="02:00:5e:10:00:01",
        client_addresses=("192.0.2.1", "2001:db8::1"),
        client_role=Role.NAT,
        client_role_reason="declared",
    )
    assert incident_from_dict(json.loads(json.dumps(incident_to_dict(incident)))) == incident


def test_an_incident_from_before_clients_had_names_is_that_of_its_address() -> None:
    whole = incident_to_dict(opened().incident)
    old = {name: value for name, value in whole.items() if not name.startswith("client_")}
    incident = incident_from_dict(old)
    assert incident.client_key == f"ip:{incident.client}"
    assert incident.client_addresses == (incident.client,)
    assert incident.client_name is None


def test_volume_goes_through_json_with_its_limits() -> None:
    incidents = Incidents()
    incidents.feed(hello())
    incidents.add_volume(volume(1, 5, 7, VolumeSource.UDP))
    body = json.loads(json.dumps(incident_to_dict(incidents.open_incidents[0])))
    assert (body["bytes_out"], body["bytes_in"], body["volume_source"]) == (5, 7, "udp_datagrams")
    assert "datagrams" in body["volume_limits"]
    assert incident_from_dict(body) == incidents.open_incidents[0]


def test_what_was_stored_before_volumes_is_read() -> None:
    body = incident_to_dict(opened().incident)
    before = {key: value for key, value in body.items() if key not in NOT_IN_OLD_STORES}
    assert incident_from_dict(before) == opened().incident


@pytest.mark.parametrize("change", [{"bytes_out": -1}, {"bytes_in": "5"}, {"bytes_in": True}, {"volume_source": "x"}])
def test_a_volume_that_is_none_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not an incident"):
        incident_from_dict(incident_to_dict(opened().incident) | change)
