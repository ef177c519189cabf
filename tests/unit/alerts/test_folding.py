from __future__ import annotations

from egret.alerts import folding
from egret.alerts.community_id import community_id
from egret.alerts.folding import Folding
from egret.alerts.model import Action, CloseReason, Evidence
from egret.judge.points import Points
from egret.judge.score import Context
from egret.model import (
    Connection,
    Detection,
    Endpoint,
    FlowKey,
    Hosting,
    Kind,
    Observation,
    Severity,
    Transport,
    VolumeSource,
)
from egret.value import replace
from tests.support.alerts import CLIENT, HOSTING, RESOLVER, SERVER, START_NS, connection, hello, lookup, volume


def folded(*detections: Detection) -> Folding:
    result = Folding.begin(detections[0])
    for detection in detections[1:]:
        result.add(detection)
    return result


def reply(at_s: float, kind: Kind = Kind.ANSWER) -> Detection:
    asked = lookup(at_s)
    assert isinstance(asked.observation, Observation)
    return replace(asked, observation=replace(asked.observation, kind=kind))


def test_a_hello_and_its_connection_are_one_connection() -> None:
    incident = folded(hello(0, port=1), connection(0.1, port=1), hello(1, port=2)).snapshot()
    assert (incident.connections, incident.detections, incident.protocols) == (2, 3, {"tls": 2, "tcp": 1})


def test_replies_are_no_look_ups_of_their_own() -> None:
    assert folded(lookup(0), reply(0.1), reply(0.1, Kind.CNAME), lookup(1)).snapshot().lookups == 2
    assert folded(reply(0), reply(0.1)).snapshot().lookups == 1


def test_servers_are_those_of_connections_and_resolvers_those_of_look_ups() -> None:
    incident = folded(lookup(0), hello(1)).snapshot()
    assert [(server.ip, server.port, server.host) for server in incident.servers] == [
        ("203.0.113.9", 443, "chat.example")
    ]
    assert incident.resolvers == ("192.0.2.53",)
    assert incident.hosting == HOSTING


def test_the_newest_server_is_the_last_one() -> None:
    other = bytes([203, 0, 113, 10])
    incident = folded(hello(0), hello(1, server=other, port=2), hello(2, port=3)).snapshot()
    assert [server.ip for server in incident.servers] == ["203.0.113.10", "203.0.113.9"]


def test_a_look_up_never_makes_an_incident_milder() -> None:
    incident = folded(hello(0, Severity.HIGH), lookup(1, Severity.MEDIUM)).snapshot()
    assert (incident.severity, incident.evidence, incident.score) == (Severity.HIGH, Evidence.CONNECTION, 60)


def test_reasons_are_those_of_the_most_severe() -> None:
    milder = hello(2, Severity.LOW, reasons=("mild",))
    assert folded(lookup(0), hello(1, reasons=("severe",)), milder).snapshot().reasons == ("severe",)


def test_lists_are_bounded_and_say_so() -> None:
    many = [
        hello(number, name=f"h{number}.example", server=SERVER[:3] + bytes([number]), port=number + 1)
        for number in range(100)
    ]
    incident = folded(*many).snapshot()
    assert len(incident.hosts) == folding.MAX_HOSTS
    assert incident.hosts_more == 100 - folding.MAX_HOSTS
    assert len(incident.servers) == folding.MAX_SERVERS
    assert incident.servers[-1].ip == "203.0.113.99"
    assert incident.servers_more == 100 - folding.MAX_SERVERS
    assert incident.connections == 100


def test_interfaces_and_resolvers_are_bounded() -> None:
    state = folded(lookup(0))
    for number in range(50):
        seen = replace(
            lookup(1).observation, interface=f"if{number}", server=Endpoint(SERVER[:3] + bytes([number]), 53)
        )
        state.add(replace(lookup(1), observation=seen))
    incident = state.snapshot()
    assert len(incident.interfaces) == folding.MAX_INTERFACES
    assert len(incident.resolvers) == folding.MAX_RESOLVERS


def test_a_nameless_connection_adds_no_host() -> None:
    seen = connection(1).observation
    assert isinstance(seen, Connection)
    nameless = replace(connection(1), observation=replace(seen, name=None, interface=None))
    incident = folded(nameless).snapshot()
    assert (incident.hosts, incident.interfaces, incident.servers[0].host) == ((), (), None)


def test_hosting_of_a_look_up_is_kept_where_a_database_knew_it() -> None:
    known = replace(lookup(0), verdict=replace(lookup(0).verdict, hosting=HOSTING))
    assert folded(known, lookup(1)).snapshot().hosting == HOSTING
    assert folded(lookup(0), known).snapshot().hosting == HOSTING
    assert folded(lookup(0)).snapshot().hosting == Hosting()


def test_older_detections_move_the_beginning_not_the_identity() -> None:
    incident = folded(hello(10), hello(5, port=2)).snapshot()
    assert incident.first_ns == START_NS + 5 * 10**9
    assert incident.last_ns == START_NS + 10 * 10**9
    assert incident.id == folded(hello(10)).snapshot().id


def test_alerts_are_numbered_and_carry_the_incident_as_it_was() -> None:
    state = folded(lookup(0))
    state.speak(Action.OPENED, START_NS)
    first = state.newest()
    state.add(hello(1))
    last = state.close(START_NS + 5, CloseReason.QUIET)
    assert (first.sequence, last.sequence) == (1, 2)
    assert (first.incident.detections, last.incident.detections) == (1, 2)
    assert (last.incident.closed_ns, last.incident.close_reason) == (START_NS + 5, CloseReason.QUIET)


def test_a_snapshot_continues_where_it_was_taken() -> None:
    state = folded(lookup(0), hello(1))
    again = Folding.resume(state.snapshot())
    again.add(hello(2, port=9))
    state.add(hello(2, port=9))
    assert again.snapshot() == state.snapshot()


def test_a_clock_that_was_set_back_is_followed() -> None:
    state = folded(hello(1000))
    state.speak(Action.OPENED, START_NS + 1000 * 10**9)
    state.set_back(START_NS + 999 * 10**9)
    assert state.quiet_from_ns == START_NS + 1000 * 10**9
    state.set_back(START_NS)
    assert (state.quiet_from_ns, state.alerted_ns) == (START_NS, START_NS)
    assert state.newest().time_ns == START_NS + 1000 * 10**9  # it was said when it was said


def test_the_client_is_text() -> None:
    assert folded(hello()).snapshot().client == ".".join(str(byte) for byte in CLIENT)


def test_volume_adds_up_and_names_every_way_it_was_counted() -> None:
    state = folded(hello(1))
    assert state.snapshot().bytes_out is None
    state.add_volume(volume(2, 5, 7))
    state.add_volume(volume(3, 10, 0, VolumeSource.UDP))
    seen = state.snapshot()
    assert (seen.bytes_out, seen.bytes_in, seen.volume_source) == (15, 7, VolumeSource.TCP_UDP)
    assert seen.last_ns == state.quiet_from_ns == START_NS + 3 * 10**9
    assert Folding.resume(seen).snapshot() == seen


def test_volume_is_news_when_it_doubled() -> None:
    state = folded(hello(1))
    state.speak(Action.OPENED, START_NS)
    state.add_volume(volume(2, 900_000, 0))
    assert not state.has_news
    state.add_volume(volume(2, 900_000, 0))
    assert state.has_news


def test_that_bytes_are_known_better_than_was_told_is_news_once() -> None:
    state = folded(hello(1))
    state.speak(Action.OPENED, START_NS)
    state.add_volume(volume(2, 900, 0, VolumeSource.CONNTRACK))
    assert not state.has_news  # nobody was told otherwise
    other = folded(hello(1))
    other.add_volume(volume(2, 900, 0, VolumeSource.UDP))
    other.speak(Action.OPENED, START_NS)
    other.add_volume(volume(3, 0, 0, VolumeSource.CONNTRACK))
    assert other.has_news
    other.speak(Action.UPDATED, START_NS)
    assert other.newest().incident.volume_source is VolumeSource.CONNTRACK
    assert not other.has_news


def test_volume_stays_a_number_that_a_database_holds() -> None:
    state = folded(hello(1))
    state.add_volume(volume(2, (1 << 63) - 1, 1))
    state.add_volume(volume(2, (1 << 63) - 1, 1))
    assert state.snapshot().bytes_out == (1 << 63) - 1


def test_the_network_adds_to_the_score_and_volume_may_raise_the_severity() -> None:
    state = Folding.begin(hello(0), context=Context(first_in_network=True, clients=1))
    assert (state.score, state.severity) == (65, Severity.HIGH)
    state.add_volume(volume(2, 2_000_000_000, 0))
    incident = state.snapshot()
    assert (incident.score, incident.severity) == (80, Severity.HIGH)
    assert sum(part.points for part in incident.score_parts) == 80
    sharp = Folding.begin(hello(0), Points(raise_to_critical=70))
    sharp.add_volume(volume(2, 100_000_000, 0))
    raised = sharp.snapshot()
    assert raised.severity is Severity.CRITICAL
    assert raised.reasons[0].startswith("Raised to critical: the score of 70 reaches 70")


def test_a_raised_incident_goes_on_raised_after_a_restart_and_says_it_once() -> None:
    points = Points(raise_to_critical=70)
    state = Folding.begin(hello(0), points)
    state.add_volume(volume(2, 100_000_000, 0))
    again = Folding.resume(state.snapshot(), points)
    assert again.snapshot() == state.snapshot()
    again.add(hello(1, reasons=("newer",)))
    again.add_volume(volume(2, 10_000_000_000, 0))
    assert again.severity is Severity.CRITICAL
    assert again.snapshot().reasons == (state.snapshot().reasons[0], "newer")


def test_the_community_id_is_of_the_newest_connection_and_of_the_look_up_while_there_is_none() -> None:
    client, asked = Endpoint(CLIENT, 40000), Endpoint(RESOLVER, 53)
    newest = FlowKey(Transport.TCP, Endpoint(CLIENT, 50001), Endpoint(SERVER, 443))
    state = folded(lookup(0))
    assert state.snapshot().community_id == community_id(FlowKey(Transport.UDP, client, asked))
    for detection in (hello(1), connection(2, port=50001), lookup(3)):
        state.add(detection)
    assert state.snapshot().community_id == community_id(newest)
    assert Folding.resume(state.snapshot()).snapshot() == state.snapshot()


def test_an_observation_says_over_what_it_came() -> None:
    asked = lookup(0)
    assert isinstance(asked.observation, Observation)
    seen = replace(asked.observation, attributes={"transport": "tcp"})
    flow = FlowKey(Transport.TCP, seen.client, seen.server)
    assert folded(replace(asked, observation=seen)).snapshot().community_id == community_id(flow)


def test_an_incident_links_to_its_page_where_somebody_said_where_that_is() -> None:
    state = folded(hello())
    state.link(None)
    assert state.snapshot().page is None
    state.link("https://egret.example")
    assert state.snapshot().page == f"https://egret.example/incidents/{state.id}"
    assert Folding.resume(state.snapshot()).snapshot().page == state.snapshot().page
