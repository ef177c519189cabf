"""Whatever clients turn out to be, and in whatever order: nothing is counted twice, and nothing is kept for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from egret.alerts.incidents import IncidentPolicy, Incidents
from egret.judge.identity import unknown_client
from egret.model import ClientIdentity, Detection, IdentitySource
from egret.value import replace
from tests.support.alerts import SECOND_NS, START_NS, hello, signature

SIGNATURES = [signature(), signature(identity="example.other", service="Other")]
MACS = [None, "02:00:5e:10:00:01", "02:00:5e:10:00:02"]


def detection(at_s: int, host: int, mac: str | None, name: str | None, service: int) -> Detection:
    ip = bytes([192, 0, 2, host])
    if mac is None and name is None:
        return replace(hello(at_s, client=ip, port=at_s, sig=SIGNATURES[service]), client=unknown_client(ip))
    key = f"name:{name}" if name else f"mac:{mac}"
    known = ClientIdentity(key=key, ip=ip, mac=mac, name=name, source=IdentitySource.STATIC)
    return replace(hello(at_s, client=ip, port=at_s, sig=SIGNATURES[service]), client=known)


STEPS = st.lists(
    st.tuples(
        st.integers(0, 3000),
        st.integers(1, 4),
        st.sampled_from(MACS),
        st.sampled_from([None, "desk"]),
        st.integers(0, 1),
    ),
    max_size=40,
)


@given(STEPS, st.integers(1, 5))
def test_open_incidents_their_keys_and_their_addresses_agree(
    steps: list[tuple[int, int, str | None, str | None, int]], most: int
) -> None:
    incidents = Incidents(IncidentPolicy(max_open=most))
    for step in steps:
        incidents.feed(detection(*step))
        incidents.tick(START_NS + step[0] * SECOND_NS)
        found = incidents.open_incidents
        assert len(found) <= most
        assert [(each.client_key, each.signature) for each in found] == list(incidents._open)
        assert all((key, service) in incidents._open for (_, service), key in incidents._seen_at.items())
    counters = incidents.counters
    assert counters.opened + counters.folded == len(steps)
    assert counters.opened - counters.closed == len(incidents.open_incidents)
    again = Incidents()
    again.restore(incidents.open_incidents)
    assert sorted(again._open) == sorted(incidents._open)
    incidents.tick(START_NS + 100_000 * SECOND_NS)
    assert (incidents.open_incidents, incidents._seen_at) == ([], {})
