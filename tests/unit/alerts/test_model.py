from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egret.alerts.model import alert_id, incident_id
from tests.support.alerts import START_NS, alerts_of, hello, opened


def test_the_same_traffic_gives_the_same_ids() -> None:
    assert opened().id == opened().id
    assert alerts_of(hello())[0].incident.id == incident_id("192.0.2.7", "example.chat", START_NS)


@pytest.mark.parametrize(
    "other", [("192.0.2.8", "s", 1), ("192.0.2.7", "t", 1), ("192.0.2.7", "s", 2)], ids=["client", "signature", "time"]
)
def test_another_beginning_gives_another_id(other: tuple[str, str, int]) -> None:
    assert incident_id(*other) != incident_id("192.0.2.7", "s", 1)


def test_ids_are_uuids_and_alerts_add_their_number() -> None:
    identity = incident_id("192.0.2.7", "s", 1)
    assert str(uuid.UUID(identity)) == identity
    assert alert_id(identity, 3) == f"{identity}-3"


@given(st.text(max_size=12), st.integers(0, 1 << 63))
def test_an_id_is_the_uuid_of_version_5(client: str, time_ns: int) -> None:
    space = uuid.UUID("6f1d1c7e-6a0b-5a7c-9d0e-65677265742e")
    assert incident_id(client, "a.chat", time_ns) == str(uuid.uuid5(space, f"{client}|a.chat|{time_ns}"))


def test_an_alert_of_a_continued_incident_never_has_the_key_of_one_that_was_told_before_a_kill() -> None:
    assert alert_id("i", 3, again_ns=255) == "i-3.ff"


def test_values_do_not_change() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        opened().incident.score = 0  # type: ignore[misc]
