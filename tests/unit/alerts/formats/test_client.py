from __future__ import annotations

from typing import Any

import pytest

from egret.alerts.formats.client import (
    client_fields,
    client_line,
    client_text,
    ecs_detection_end,
    ecs_end,
    ecs_host,
    ocsf_endpoint,
    ocsf_resource,
    role_text,
)
from egret.alerts.formats.ecs import alert_to_ecs
from egret.alerts.formats.ocsf import alert_to_ocsf
from egret.alerts.formats.text import headline, several_lines
from egret.alerts.model import Incident, Sensor
from egret.judge.identity import unknown_client
from egret.model import IdentitySource, Role
from egret.value import replace
from tests.support.alerts import CLIENT, opened

MAC = "02:00:5e:10:00:01"


def incident(**changes: Any) -> Incident:
    known = {
        "client_key": f"mac:{MAC}",
        "client_name": "laptop",
        "client_name_source": IdentitySource.LEASE,
        "client_mac": MAC,
        "client_groups": ("office",),
        "client_addresses": ("192.0.2.7", "2001:db8::1"),
    }
    return replace(opened().incident, **(known | changes))


def test_a_client_of_which_nothing_is_known_is_its_address_everywhere() -> None:
    bare = opened().incident
    assert client_text(bare) == "192.0.2.7"
    assert client_line(bare) == ""
    assert ocsf_endpoint(bare) == {"ip": "192.0.2.7"}
    assert ocsf_resource(bare) == {"name": "192.0.2.7", "type": "client", "ip": "192.0.2.7"}
    assert ecs_host(bare) == {}


def test_words_say_where_a_name_is_from() -> None:
    assert client_text(incident()) == "laptop (192.0.2.7)"
    assert client_line(incident()) == f"a name that it gave itself, by DHCP; {MAC}; in office; also 2001:db8::1"
    assert client_line(incident(client_name_source=IdentitySource.STATIC)).startswith("named in the configuration; ")
    assert client_line(incident(client_name_source=IdentitySource.EUI64)).startswith("as its hardware address is named")


def test_a_long_list_of_addresses_is_cut() -> None:
    many = tuple(f"2001:db8::{number}" for number in range(1, 9))
    assert client_line(incident(client_addresses=many)).endswith(
        "also 2001:db8::1, 2001:db8::2, 2001:db8::3 and 5 more"
    )


@pytest.mark.parametrize("role", list(Role))
def test_who_speaks_for_others_is_said_to_and_a_server_is_a_server(role: Role) -> None:
    shown = incident(client_role=role, client_role_reason="declared")
    text = role_text(shown)
    assert (text is None) is (role is Role.SERVER)
    if text is not None:
        assert text.startswith("this client speaks for others: it ")
        assert text.endswith("(declared)")
        assert text in headline(replace(opened(), incident=shown))
    assert ("a server" in client_line(shown)) is (role is Role.SERVER)


def test_a_name_is_in_every_form() -> None:
    alert = replace(opened(), incident=incident())
    sensor = Sensor("1", "gw.example")
    assert "laptop (192.0.2.7) connected to" in headline(alert)
    assert any(line.strip().startswith("client") for line in several_lines(alert))
    ecs = alert_to_ecs(alert, sensor)
    assert ecs["source"]["domain"] == ecs["client"]["domain"] == "laptop"
    assert ecs["source"]["mac"] == "02-00-5E-10-00-01"
    assert ecs["source"]["ip"] == "192.0.2.7"
    assert "host" not in ecs  # it chose its name itself
    assert {"192.0.2.7", "2001:db8::1"} <= set(ecs["related"]["ip"])
    assert "laptop" in ecs["related"]["hosts"]
    assert ecs["egret"]["incident"]["client_groups"] == ["office"]
    ocsf = alert_to_ocsf(alert, sensor)
    assert ocsf["resources"] == [
        {"name": "laptop", "type": "client", "ip": "192.0.2.7", "uid": f"mac:{MAC}", "labels": ["office"]}
    ]
    assert ocsf["evidences"][0]["src_endpoint"] == {
        "ip": "192.0.2.7",
        "name": "laptop",
        "mac": MAC,
        "uid": f"mac:{MAC}",
    }


def test_only_a_name_of_the_operators_own_is_a_host_of_ecs() -> None:
    named = incident(client_name_source=IdentitySource.STATIC, client_role=Role.SERVER)
    host = {"name": "laptop", "ip": ["192.0.2.7", "2001:db8::1"], "mac": ["02-00-5E-10-00-01"]}
    assert ecs_host(named) == {"host": host}
    assert ecs_host(replace(named, client_mac=None))["host"]["mac"] is None
    assert ocsf_resource(named)["labels"] == ["office", "role:server"]


def test_the_client_of_a_single_detection() -> None:
    known = replace(unknown_client(CLIENT), key=f"mac:{MAC}", mac=MAC, name="laptop", role=Role.PROXY)
    assert ecs_detection_end(known) == ecs_end(incident())
    assert ecs_detection_end(None) == {}
    assert client_fields(known) == {
        "client_key": f"mac:{MAC}",
        "client_name": "laptop",
        "client_groups": [],
        "client_mac": MAC,
        "client_role": "proxy",
    }
    assert client_fields(None)["client_key"] is None


def test_hostile_words_stay_inert() -> None:
    shown = incident(client_name="a\x1b[31m\nb", client_role=Role.NAT, client_role_reason="\x00")
    text = "".join(several_lines(replace(opened(), incident=shown)))
    assert text.isprintable()
