from __future__ import annotations

import pytest

from egret.alerts.formats.protocols import named_by, transport
from egret.model import Protocol
from egret.value import replace
from tests.support.alerts import alerts_of, lookup, opened


@pytest.mark.parametrize(
    ("protocols", "named", "over"),
    [
        ({"tls": 1, "dns": 3}, Protocol.TLS, "TCP"),
        ({"quic": 2, "dns": 1}, Protocol.QUIC, "UDP"),
        ({"http": 2, "quic": 1}, Protocol.HTTP, "TCP"),
        ({"dns": 1}, None, None),  # a connection that nothing of its own named
    ],
)
def test_of_a_connection(protocols: dict[str, int], named: Protocol | None, over: str | None) -> None:
    incident = replace(opened().incident, protocols=protocols)
    assert (named_by(incident), transport(incident)) == (named, over)


def test_of_a_look_up() -> None:
    incident = alerts_of(lookup())[0].incident
    assert (named_by(incident), transport(incident)) == (Protocol.DNS, "UDP")
    assert named_by(replace(incident, hosts=())) is None
