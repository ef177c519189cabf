from __future__ import annotations

from collections.abc import Iterable

import pytest

from egret.errors import Reason
from egret.model import Anomaly, Endpoint, Event, Kind, Observation, Protocol
from egret.track.limits import SECOND_NS, Limits
from egret.track.share import Share, owner_of
from egret.value import replace
from egret.worker.partial import BY_HTTP, DISORDERED, FORGETFUL, PROXIED, REVERSED, PartialPipeline
from tests.support.alerts import CLIENT, START_NS
from tests.support.hello import Tcp
from tests.support.pipeline import CATALOG, flow, seen

HELLO = seen("chat.example")
OWNER = owner_of(HELLO.client, HELLO.server, 2)


def pipeline(number: int = OWNER, limits: Limits | None = None) -> PartialPipeline:
    return PartialPipeline(Share(number, 2), CATALOG, limits=limits)


def after(*events: Event) -> str | None:
    """Why its process may not know all, after what it was shown."""
    one = pipeline()
    one.hits(events)
    return one.entangled


def test_what_is_its_own_is_found_and_counted() -> None:
    one = pipeline()
    assert [hit.event for hit in one.hits([HELLO, flow()])] == [HELLO]
    assert one.take_counts()["names", "tls", "client_hello"] == 1
    assert one.entangled is None


@pytest.mark.parametrize("number", [0, 1])
def test_a_look_up_is_found_and_counted_by_the_first(number: int) -> None:
    one = pipeline(number)
    question = seen("chat.example", kind=Kind.QUERY, protocol=Protocol.DNS)
    assert len(one.hits([question])) == 1 - number
    assert one.hits([replace(question, kind=Kind.ANSWER, time_ns=START_NS + 1)]) == []  # the question was seen by both
    assert sum(one.take_counts().values()) == 2 * (1 - number)


@pytest.mark.parametrize(("layer", "both"), [("ip", False), ("link", False), ("dns", False), ("tls", True)])
def test_what_nobody_can_read_is_counted_by_the_first(layer: str, both: bool) -> None:
    one = pipeline(1)
    one.hits([Anomaly(START_NS, layer, Reason.TRUNCATED)])
    assert sum(one.take_counts().values()) == both


def test_a_quoted_name_is_counted_by_one() -> None:
    quoted = replace(HELLO, attributes={"quoted": True})
    counted = []
    for number in range(2):
        one = pipeline(number)
        one.hits([quoted])
        counted.append(sum(one.take_counts().values()))
    assert sorted(counted) == [0, 1]


def httpdns(kind: Kind) -> Observation:
    return replace(HELLO, protocol=Protocol.HTTPDNS, kind=kind, attributes={"provider": "x", "transport": "tcp"})


def test_what_another_process_would_have_to_know_is_noticed() -> None:
    assert after(HELLO, flow()) is None
    assert after(httpdns(Kind.QUERY)) == BY_HTTP
    assert after(httpdns(Kind.ANSWER)) == BY_HTTP
    assert after(seen("www.example", kind=Kind.CONNECT, protocol=Protocol.HTTP)) == PROXIED
    assert after(replace(HELLO, client=Endpoint(CLIENT, 80))) == REVERSED
    elsewhere = next(
        n for n in range(256) if owner_of(HELLO.client, Endpoint(bytes([203, 0, 113, n]), 443), 2) != OWNER
    )
    assert after(replace(HELLO, server=Endpoint(bytes([203, 0, 113, elsewhere]), 443))) == REVERSED


def test_who_does_what_it_was_asked_for_is_noticed() -> None:
    asked = replace(HELLO, server=Endpoint(bytes([192, 0, 2, 200]), 443))
    events: Iterable[Event] = [asked, replace(HELLO, client=Endpoint(asked.server.ip, 40_000))]
    one = PartialPipeline(Share(0, 1), CATALOG)
    assert len(one.hits(events)) == 1
    assert one.entangled == PROXIED


def test_a_bound_that_is_reached_is_noticed() -> None:
    one = PartialPipeline(Share(0, 1), CATALOG, limits=Limits(flows=1))
    for port in (40_000, 40_001):
        assert one.entangled is None
        one.feed(Tcp(sport=port).syn())
    assert one.entangled == FORGETFUL


@pytest.mark.parametrize(("back_s", "why"), [(0.5, None), (1.5, DISORDERED), (59, DISORDERED), (61, None)])
def test_times_that_go_back_are_noticed_but_where_all_waiting_begins_anew(back_s: float, why: str | None) -> None:
    one = pipeline()
    one.observer.tick(START_NS)
    one.observer.tick(START_NS - int(back_s * SECOND_NS))
    assert one.entangled == why


def test_a_server_of_httpdns_is_followed_by_all_and_told_by_one() -> None:
    server = Endpoint(bytes([203, 107, 1, 33]), 80)
    event = replace(httpdns(Kind.QUERY), name="chat.example", server=server)
    found, counted = [], []
    for number in range(2):
        one = pipeline(number)
        found.append(len(one.hits([event, replace(HELLO, server=server)])))
        counted.append(sum(one.take_counts().values()))
        assert one.entangled is None
        assert one.observer.volumes.active == bool(found[-1])
    assert (sorted(found), sorted(counted)) == ([0, 2], [0, 3])
