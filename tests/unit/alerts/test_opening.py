from __future__ import annotations

from dataclasses import fields, replace

from egret.alerts.folding import Folding
from egret.alerts.model import Incident
from egret.alerts.opening import ABOUT, about, blank, identified
from egret.alerts.veil import CLEAR
from egret.judge.approvals import NO_RULING, ApprovalState, Ruling, Terms
from egret.judge.identity import unknown_client
from egret.model import ClientIdentity, IdentitySource, Role
from tests.support.alerts import CLIENT, START_NS, hello

KNOWN = ClientIdentity(
    key="name:desk",
    ip=CLIENT,
    name="desk",
    source=IdentitySource.STATIC,
    mac="02:00:5e:10:00:01",
    groups=("lab",),
    role=Role.PROXY,
    role_reason="declared",
)


def test_a_blank_incident_counts_nothing_yet() -> None:
    ruling = Ruling(terms=Terms(state=ApprovalState.IN_REVIEW))
    incident = blank(hello(), CLEAR, ruling)
    assert (incident.client, incident.client_key, incident.first_ns) == ("192.0.2.7", "ip:192.0.2.7", START_NS)
    assert (incident.detections, incident.lookups, incident.connections, incident.score) == (0, 0, 0, 0)
    assert incident.approval is ruling


def test_what_stays_are_fields_of_the_incident_and_a_snapshot_has_them() -> None:
    assert set(ABOUT) <= {field.name for field in fields(Incident)}
    incident = replace(blank(hello(), CLEAR, NO_RULING), page="https://egret.example/i", client_name="desk")
    assert about(Folding(incident).snapshot()) == about(incident)


def test_an_address_alone_changes_nothing() -> None:
    assert identified(about(blank(hello(), CLEAR, NO_RULING)), unknown_client(CLIENT)) == {}


def test_a_client_that_is_known_is_told_and_what_it_loses_stays() -> None:
    known = about(blank(hello(), CLEAR, NO_RULING))
    known |= identified(known, KNOWN)
    told = {name: known[name] for name in ABOUT if name.startswith("client_")}
    assert told == {
        "client_key": "name:desk",
        "client_name": "desk",
        "client_name_source": IdentitySource.STATIC,
        "client_groups": ("lab",),
        "client_mac": "02:00:5e:10:00:01",
        "client_role": Role.PROXY,
        "client_role_reason": "declared",
    }
    bare = replace(unknown_client(CLIENT), groups=("other",))
    assert known | identified(known, bare) == known | {"client_groups": ("other",)}
