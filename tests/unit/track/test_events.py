from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from egret.evidence import Raw
from egret.model import Connection, Endpoint, Kind, NamedBy, Nameless, Observation, Protocol, Transport
from egret.track.events import connection, observation

CLIENT, SERVER = Endpoint(b"\xc0\0\2\1", 40_000), Endpoint(b"\xc0\0\2\2", 443)
OBSERVATION: dict[str, object] = {
    "time_ns": 5,
    "protocol": Protocol.DNS,
    "kind": Kind.ANSWER,
    "name": "a.example",
    "client": CLIENT,
    "server": SERVER,
    "interface": "eth0",
    "attributes": {"transport": "udp"},
    "raw": Raw(b"wire"),
    "qtype": "A",
    "addresses": (b"\1\2\3\4",),
    "ttl_s": 20,
    "target": "b.example",
}
CONNECTION: dict[str, object] = {
    "time_ns": 5,
    "transport": Transport.TCP,
    "client": CLIENT,
    "server": SERVER,
    "interface": None,
    "named_by": NamedBy.NOTHING,
    "name": None,
    "protocol": Protocol.TLS,
    "reason": Nameless.NO_SNI,
    "raw": Raw(b"hello"),
}


@pytest.mark.parametrize(
    ("make", "kind", "given"), [(observation, Observation, OBSERVATION), (connection, Connection, CONNECTION)]
)
def test_they_are_what_their_constructors_make(make: Any, kind: Any, given: dict[str, object]) -> None:
    assert set(given) == {field.name for field in fields(kind)}
    made, ordinary = make(**given), kind(**given)
    assert type(made) is kind
    assert made == ordinary
    assert made.raw == ordinary.raw
    assert replace(made, time_ns=6) == replace(ordinary, time_ns=6)
    assert pickle.loads(pickle.dumps(made)) == ordinary
    assert repr(made) == repr(ordinary)
    with pytest.raises(FrozenInstanceError):
        made.time_ns = 1


def test_what_is_left_out_is_as_there() -> None:
    made = observation(5, Protocol.TLS, Kind.CLIENT_HELLO, "a.example", CLIENT, SERVER, None, {}, None)
    ordinary = Observation(
        time_ns=5, protocol=Protocol.TLS, kind=Kind.CLIENT_HELLO, name="a.example", client=CLIENT, server=SERVER
    )
    assert made == ordinary
