from __future__ import annotations

from egret.alerts.folding import Folding
from egret.alerts.model import Incident
from egret.alerts.opening import Lasting, identified, lasting, opened
from egret.alerts.veil import CLEAR
from egret.judge.identity import unknown_client
from egret.model import ClientIdentity, IdentitySource, Role
from egret.value import replace
from tests.support.alerts import CLIENT, hello

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


def test_what_lasts_are_fields_of_the_incident_with_their_types() -> None:
    types = {name: Incident.__annotations__[name] for name in Incident.__struct_fields__}
    assert {name: hint.__forward_arg__ for name, hint in Lasting.__annotations__.items()}.items() <= types.items()


def test_an_incident_begins_with_what_is_known_of_nobody() -> None:
    begun = opened(hello(), CLEAR)
    incident = Folding.begin(hello()).snapshot()
    assert lasting(incident) == begun
    assert (incident.client, incident.client_key) == ("192.0.2.7", "ip:192.0.2.7")


def test_what_lasts_goes_through_a_restart() -> None:
    told = replace(Folding.begin(hello()).snapshot(), page="https://egret.example/i", client_name="desk")
    assert lasting(Folding.resume(told).snapshot()) == lasting(told)


def test_an_address_alone_changes_nothing() -> None:
    begun = opened(hello(), CLEAR)
    assert identified(begun, unknown_client(CLIENT)) is begun


def test_a_client_that_is_known_is_told_and_what_it_loses_stays() -> None:
    known = identified(opened(hello(), CLEAR), KNOWN)
    assert {name: value for name, value in known.items() if name.startswith("client_")} == {
        "client_key": "name:desk",
        "client_name": "desk",
        "client_name_source": IdentitySource.STATIC,
        "client_groups": ("lab",),
        "client_mac": "02:00:5e:10:00:01",
        "client_role": Role.PROXY,
        "client_role_reason": "declared",
    }
    bare = replace(unknown_client(CLIENT), groups=("other",))
    assert identified(known, bare) == known | {"client_groups": ("other",)}
