from __future__ import annotations

import ipaddress

from egret.alerts.model import Sensor
from egret.alerts.showing import STAND_IN_4, show, summary
from egret.alerts.veil import CLEAR, Veil
from egret.decode.redact import proof_of
from egret.evidence import Form, Proof, Raw
from egret.model import Detection, Endpoint, NamedBy
from egret.settings.pseudonyms import SivPseudonyms
from egret.value import replace
from tests.support.alerts import alerts_of, hello
from tests.support.hello import client_hello
from tests.support.pipeline import flow

VEIL = Veil(SivPseudonyms("k" * 40))


def proven() -> tuple[Detection, Proof]:
    detection = hello()
    raw = Raw(client_hello(str(detection.observation.name).encode()))
    proof = proof_of(replace(detection.observation, raw=raw))
    assert proof is not None
    return detection, proof


def test_packets_say_what_they_prove() -> None:
    detection, proof = proven()
    shown = show(detection, proof, CLEAR)
    [(time_ns, data, comment)] = shown.packets
    assert time_ns == detection.observation.time_ns
    assert detection.observation.client.ip in data
    name, signature = detection.observation.name, detection.match.signature.id
    assert comment.startswith(f"tls client_hello names {name}, which is {signature} by ")
    assert "rebuilt" in comment
    assert shown.values["notes"] == comment.split("; ")[1:]
    assert (shown.values["signature"], shown.values["named_by"]) == (signature, "message")


def test_with_pseudonyms_nothing_names_the_client() -> None:
    detection, proof = proven()
    shown = show(detection, proof, VEIL)
    client = detection.observation.client.ip
    assert all(client not in data and STAND_IN_4 in data for _, data, _ in shown.packets)
    assert str(ipaddress.ip_address(client)) not in str(shown.values)
    assert shown.values["client"]["ip"].startswith("address~")
    assert "stand-in" in shown.packets[0][2]


def test_what_has_no_packets_says_so() -> None:
    detection, proof = proven()
    event = replace(detection.observation, server=Endpoint(bytes(16), 443))
    shown = show(replace(detection, observation=event), proof, CLEAR)
    assert shown.packets == []
    assert "no packets" in shown.values["notes"][-1]


def test_a_connection_says_what_named_it() -> None:
    blank = Proof(Form.BLANK, bytes(8))
    named = show(replace(hello(), observation=flow("chat.example", NamedBy.ANSWER)), blank, CLEAR)
    assert "chat.example by an earlier look-up" in named.values["proves"]
    assert (named.values["kind"], len(named.packets)) == ("flow", 3)
    nameless = show(replace(hello(), observation=flow()), blank, CLEAR)
    assert "without a name" in nameless.values["proves"]


def test_the_record_says_who_saw_it_and_what_with() -> None:
    [alert] = alerts_of(hello())
    told = summary(alert.incident, Sensor("1.0", "gw"), "2026", ["geo 2026"])
    assert (told["sensor"], told["catalog_version"], told["databases"]) == ("gw", "2026", ["geo 2026"])
    assert told["client"] == alert.incident.client
