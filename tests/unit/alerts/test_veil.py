from __future__ import annotations

from pathlib import Path

import pytest

from egret.alerts.codec import incident_to_dict
from egret.alerts.formats.ecs import alert_to_ecs
from egret.alerts.formats.ocsf import alert_to_ocsf
from egret.alerts.formats.table import alert_to_own
from egret.alerts.formats.text import several_lines
from egret.alerts.incidents import IncidentPolicy, Incidents
from egret.alerts.model import Alert, Sensor
from egret.alerts.veil import CLEAR, Field, Veil, clear, is_pseudonym
from egret.judge.history import Use
from egret.model import ClientIdentity, IdentitySource
from egret.settings.pseudonyms import SivPseudonyms
from egret.value import replace
from tests.support.alerts import CLIENT, SECOND_NS, START_NS, connection, hello, lookup, opened

VEIL = Veil(SivPseudonyms("k" * 32))
SENSOR = Sensor("1", "gw")
MAC = "02:00:5e:10:00:01"
DESK = ClientIdentity(key="name:desk", ip=CLIENT, name="desk", mac=MAC, groups=("sales",), source=IdentitySource.STATIC)


def veiled_alert() -> Alert:
    [alert] = Incidents(None, VEIL).feed(replace(hello(), client=DESK))
    return alert


def test_without_pseudonyms_nothing_changes() -> None:
    incident = opened().incident
    assert CLEAR.hide(incident) is incident
    assert CLEAR.show(incident) == incident


def test_what_an_incident_says_names_nobody_and_can_be_undone() -> None:
    incident = veiled_alert().incident
    assert is_pseudonym(incident.client)
    assert incident.client_addresses == (incident.client,)
    assert incident.client_key.startswith("name:name~")
    assert incident.client_groups == ("sales",)
    shown = VEIL.show(incident)
    assert shown is not None
    assert (shown.client, shown.client_key, shown.client_mac, shown.client_name) == (
        "192.0.2.7",
        "name:desk",
        MAC,
        "desk",
    )
    assert shown.client_addresses == ("192.0.2.7",)
    assert Veil(SivPseudonyms("x" * 32)).show(incident) is None
    assert CLEAR.show(incident) is None


def test_a_hash_of_the_address_goes_where_the_address_goes() -> None:
    assert veiled_alert().incident.community_id is None
    names_only = Veil(SivPseudonyms("k" * 32, [Field.NAME]))
    [alert] = Incidents(None, names_only).feed(replace(hello(), client=DESK))
    assert alert.incident.community_id == opened().incident.community_id is not None


def test_the_id_of_an_incident_tells_nothing_of_its_client() -> None:
    assert veiled_alert().incident.id != opened().incident.id


@pytest.mark.parametrize("form", [alert_to_own, alert_to_ecs, alert_to_ocsf], ids=lambda form: form.__name__)
def test_no_form_of_an_alert_names_the_client(form: object) -> None:
    text = str(form(veiled_alert(), SENSOR))  # type: ignore[operator]
    for word in ("192.0.2.7", "desk", MAC, MAC.upper().replace(":", "-")):
        assert word not in text
    assert "address~" in text


def test_text_names_the_pseudonym() -> None:
    text = "\n".join(several_lines(veiled_alert()))
    assert "192.0.2.7" not in text
    assert "address~" in text


def test_fields_that_must_hold_an_address_are_left_out() -> None:
    document = alert_to_ecs(veiled_alert(), SENSOR)
    assert "ip" not in document["source"]
    assert is_pseudonym(document["source"]["address"])
    assert "mac" not in document["source"]
    assert document["related"]["ip"] == ["203.0.113.9"]
    assert "type" not in document["network"]
    event = alert_to_ocsf(veiled_alert(), SENSOR)
    assert "ip" not in event["resources"][0]
    assert is_pseudonym(event["evidences"][0]["src_endpoint"]["uid"])
    assert next(each["type_id"] for each in event["observables"]) == 10
    bare = replace(veiled_alert(), incident=VEIL.hide(opened().incident))
    assert alert_to_ocsf(bare, SENSOR)["resources"][0]["uid"] == VEIL.address("192.0.2.7")


def test_incidents_fold_close_and_go_on_after_a_restart_by_pseudonyms() -> None:
    policy = IncidentPolicy(update_every_ns=60 * SECOND_NS)
    plain, hidden = Incidents(policy), Incidents(policy, VEIL)
    for detection in (lookup(0), hello(0.02), connection(0.03)):
        assert [alert.action for alert in hidden.feed(detection)] == [alert.action for alert in plain.feed(detection)]
    again = Incidents(policy, VEIL)
    again.restore(hidden.open_incidents)
    assert again.open_incidents == hidden.open_incidents
    assert again.feed(hello(1, port=1)) == []
    assert len(again.open_incidents) == 1
    closed = again.tick(START_NS + 7200 * SECOND_NS)[-1]
    assert closed.incident.closed_ns is not None
    assert "192.0.2.7" not in str(incident_to_dict(closed.incident))


def test_incidents_of_another_key_are_left_alone() -> None:
    hidden = Incidents(None, VEIL)
    hidden.feed(hello())
    other = Incidents()
    other.restore(hidden.open_incidents)
    assert other.open_incidents == []


def test_history_is_known_by_the_clear_key() -> None:
    incidents = Incidents(None, VEIL)
    incidents.recall(
        [Use("example.chat", VEIL.key("ip:192.0.2.7"), START_NS), Use("example.chat", "ip:ip~x", START_NS)]
    )
    [clients] = incidents._history._services.values()
    assert list(clients._last_ns) == ["ip:192.0.2.7"]


def test_a_forgotten_client_leaves_without_an_alert() -> None:
    incidents = Incidents()
    incidents.feed(hello())
    incidents.feed(hello(1, client=bytes([192, 0, 2, 8])))
    dropped = incidents.forget(lambda incident: incident.client == "192.0.2.7")
    assert [incident.client for incident in dropped] == ["192.0.2.7"]
    assert [incident.client for incident in incidents.open_incidents] == ["192.0.2.8"]
    assert incidents.counters.purged == 1
    assert incidents.tick(START_NS + 10 * SECOND_NS) == []
    assert [alert.sequence for alert in incidents.feed(hello(2))] == [1]


def test_a_field_that_is_left_clear_stays_so() -> None:
    veil = Veil(SivPseudonyms("k" * 32, [Field.NAME]))
    [alert] = Incidents(None, veil).feed(replace(hello(), client=DESK))
    assert (alert.incident.client, alert.incident.client_mac) == ("192.0.2.7", MAC)
    assert is_pseudonym(alert.incident.client_name or "")


def test_words() -> None:
    assert clear(None) is None
    assert clear("192.0.2.7") == "192.0.2.7"
    assert clear("address~x") is None
    assert VEIL.key("") == ""
    assert VEIL.word("192.0.2.7") == "192.0.2.7"
    assert VEIL.shown_key("mac:mac~x") is None


def test_no_clear_word_can_be_taken_for_a_pseudonym() -> None:
    source = (Path(__file__).parents[3] / "src/egret/settings/clients_section.py").read_text()
    assert "~" not in source.partition("_NAME = ")[2].splitlines()[0]
