from __future__ import annotations

import pytest

from egret.alerts.veil import CLEAR, Field, Veil
from egret.alerts.whose import Whose
from egret.settings.pseudonyms import SivPseudonyms
from egret.value import replace
from tests.support.alerts import opened
from tests.support.digest import digest

INCIDENT = replace(
    opened().incident,
    client_key="mac:02:00:5e:10:00:01",
    client_mac="02:00:5e:10:00:01",
    client_name="desk",
    client_addresses=("192.0.2.7", "2001:db8::7"),
)
VEIL = Veil(SivPseudonyms("k" * 32))


@pytest.mark.parametrize(
    ("text", "theirs"),
    [
        ("192.0.2.7", True),
        (" 192.0.2.7 ", True),
        ("2001:db8::7", True),
        ("2001:0db8:0:0::0007", True),
        ("192.0.2.0/24", True),
        ("192.0.2.9/24", True),
        ("DESK", True),
        ("02:00:5E:10:00:01", True),
        ("mac:02:00:5e:10:00:01", True),
        ("192.0.2.70", False),
        ("198.51.100.0/24", False),
        ("::/0", True),
        ("des", False),
        ("", False),
        ("address~abcd", False),
    ],
)
def test_whose_an_incident_is(text: str, theirs: bool) -> None:
    assert Whose(text, CLEAR).incident(INCIDENT) is theirs
    assert Whose(text, VEIL).incident(VEIL.hide(INCIDENT)) is theirs


def test_pseudonyms_stand_for_the_client_with_and_without_the_key() -> None:
    veiled = VEIL.hide(INCIDENT)
    assert veiled.client_mac is not None
    assert veiled.client_name is not None
    for word in (veiled.client, veiled.client_addresses[1], veiled.client_mac, veiled.client_name, veiled.client_key):
        assert Whose(word, CLEAR).incident(veiled)
        assert Whose(word, VEIL).incident(veiled)
        assert Whose(word, VEIL).incident(INCIDENT)
    assert not Whose(veiled.client, CLEAR).incident(INCIDENT)


def test_it_learns_the_other_addresses_and_the_key_of_a_device() -> None:
    whose = Whose("192.0.2.7", CLEAR)
    other = replace(INCIDENT, client="192.0.2.8", client_addresses=("192.0.2.8",), client_name=None)
    assert not whose.incident(other)
    assert whose.learn(INCIDENT)
    assert not whose.learn(INCIDENT)
    assert whose.incident(other)
    assert whose.any_address("2001:db8::7")
    assert not whose.address("2001:db8::7")
    assert not whose.any_address("192.0.2.9")
    assert not whose.any_address("no address")


def test_an_address_alone_is_no_key_to_learn() -> None:
    assert not Whose("192.0.2.7", CLEAR).learn(opened().incident)


@pytest.mark.parametrize(
    ("text", "theirs"),
    [
        ("192.0.2.7", True),
        ("192.0.2.8", True),
        ("LAPTOP-7", True),
        ("name:laptop-7", True),
        ("192.0.2.0/28", True),
        ("192.0.2.70", False),
        ("", False),
    ],
)
def test_a_digest_names_its_first_users(text: str, theirs: bool) -> None:
    for veil in (CLEAR, VEIL):
        uses = tuple(
            use._replace(
                client=veil.address(use.client),
                client_key=veil.key(use.client_key),
                client_name=veil._hide(Field.NAME, use.client_name) if use.client_name else None,
            )
            for use in digest().first_uses
        )
        whose = Whose(text, veil)
        assert whose.message(digest(first_uses=uses)) is theirs
    assert Whose("192.0.2.7", CLEAR).message(opened())
    assert not Whose("192.0.2.7", CLEAR).message(digest(first_uses=()))


def test_what_was_learnt_of_a_client_is_found_in_a_digest_too() -> None:
    whose = Whose("192.0.2.99", CLEAR)
    whose.learn(replace(INCIDENT, client_key="name:laptop-7"))
    assert whose.digest(digest())
