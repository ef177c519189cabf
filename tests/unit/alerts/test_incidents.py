from __future__ import annotations

from ipaddress import ip_address
from itertools import pairwise

import pytest

from egret.alerts.folding import MAX_ADDRESSES
from egret.alerts.incidents import IncidentPolicy, Incidents
from egret.alerts.model import Action, Alert, CloseReason, Evidence
from egret.alerts.suppress import Suppression
from egret.judge.history import Use
from egret.judge.identity import unknown_client
from egret.judge.points import Points
from egret.model import Category, ClientIdentity, Detection, IdentitySource, Role, ServiceClass, Severity
from egret.value import replace
from tests.support.alerts import CLIENT, SECOND_NS, START_NS, alerts_of, connection, hello, lookup, signature, volume

HOUR_S = 3600
OTHER = signature(identity="example.other", service="Other")


def after(seconds: float) -> int:
    return START_NS + round(seconds * SECOND_NS)


def actions(*detections: Detection, policy: IncidentPolicy | None = None) -> list[str]:
    return [alert.action.value for alert in alerts_of(*detections, policy=policy)]


def test_the_first_opens_at_once_and_the_rest_fold() -> None:
    incidents = Incidents()
    [alert] = incidents.feed(hello())
    assert (alert.action, alert.sequence, alert.time_ns, alert.severity) == (Action.OPENED, 1, START_NS, Severity.HIGH)
    assert [incidents.feed(hello(second, port=second)) for second in range(1, 60)] == [[]] * 59
    assert incidents.counters.opened == 1
    assert incidents.counters.folded == 59
    assert incidents.open_incidents[0].connections == 60


def test_a_visit_is_one_incident_that_escalates() -> None:
    first, second = alerts_of(lookup(0), hello(0.02), connection(0.03))
    assert (first.action, first.severity, first.incident.evidence) == (Action.OPENED, Severity.MEDIUM, Evidence.LOOKUP)
    assert (second.action, second.severity) == (Action.ESCALATED, Severity.HIGH)
    assert (second.previous_severity, second.incident.evidence) == (Severity.MEDIUM, Evidence.CONNECTION)
    assert first.incident.id == second.incident.id


def test_the_connection_is_told_at_once_even_where_the_severity_stays() -> None:
    assert actions(lookup(0, Severity.HIGH), hello(1), hello(2, port=2)) == ["opened", "updated"]


@pytest.mark.parametrize(
    "other", [hello(1, client=bytes([192, 0, 2, 8])), hello(1, sig=OTHER)], ids=["client", "service"]
)
def test_another_client_or_service_is_another_incident(other: Detection) -> None:
    first, second = alerts_of(hello(), other)
    assert second.action is Action.OPENED
    assert first.incident.id != second.incident.id


def test_updates_come_on_a_widening_schedule() -> None:
    told = [
        alert.time_ns
        for alert in alerts_of(*(hello(minute * 60, port=minute + 1) for minute in range(0, 16 * 60, 10)))
        if alert.action is Action.UPDATED
    ]
    assert told == [after(HOUR_S * hours) for hours in (1, 3, 7, 15)]


def test_the_wait_for_an_update_has_a_cap() -> None:
    policy = IncidentPolicy(update_every_ns=60 * SECOND_NS, update_at_least_ns=120 * SECOND_NS)
    updates = alerts_of(*(hello(m * 60, port=m + 1) for m in range(20)), policy=policy)[1:]
    gaps = {later.time_ns - earlier.time_ns for earlier, later in pairwise(updates)}
    assert gaps == {120 * SECOND_NS}


def test_an_update_that_is_due_comes_with_the_tick_and_only_if_there_is_news() -> None:
    incidents = Incidents(IncidentPolicy(close_after_ns=10 * HOUR_S * SECOND_NS))
    incidents.feed(hello(0))
    assert incidents.tick(after(HOUR_S)) == []
    incidents.feed(hello(HOUR_S - 1, port=2))
    incidents = Incidents(IncidentPolicy(close_after_ns=10 * HOUR_S * SECOND_NS))
    incidents.feed(hello(0))
    incidents.feed(hello(5, port=2))
    [update] = incidents.tick(after(HOUR_S))
    assert (update.action, update.incident.connections) == (Action.UPDATED, 2)
    assert incidents.tick(after(9 * HOUR_S)) == []


def test_quiet_closes_and_the_next_one_opens_anew() -> None:
    incidents = Incidents()
    [opened] = incidents.feed(hello(0))
    assert incidents.tick(after(1799)) == []
    [closed] = incidents.tick(after(5000))
    assert (closed.action, closed.time_ns, closed.incident.close_reason) == (
        Action.CLOSED,
        after(1800),
        CloseReason.QUIET,
    )
    [again] = incidents.feed(hello(5001))
    assert again.incident.id != opened.incident.id
    assert incidents.counters.closed == 1


@pytest.mark.parametrize("update_every_s", [3600, 300, 5])
def test_how_often_somebody_ticks_changes_nothing(update_every_s: int) -> None:
    def run(tick_every_s: int) -> list[tuple[str, int, int]]:
        incidents = Incidents(IncidentPolicy(update_every_ns=update_every_s * SECOND_NS))
        alerts: list[Alert] = []
        for before, second in pairwise((0, 0, 10, 12, 700, 1500, 2900, 4000, 4001, 9000)):
            for tick in range(before, second, tick_every_s):
                alerts += incidents.tick(after(tick))
            alerts += incidents.feed(hello(second, port=second + 1))
        return [(alert.action.value, alert.time_ns, alert.incident.detections) for alert in alerts]

    assert run(10**9) == run(7) == run(1)
    assert [action for action, _, _ in run(7) if action != "updated"] == ["opened", "closed", "opened"]


def test_a_clock_that_steps_back_closes_nothing_early_and_keeps_nothing_open() -> None:
    incidents = Incidents()
    incidents.feed(hello(100_000))
    incidents.feed(hello(50, port=2))
    assert incidents.tick(after(51)) == []
    assert [alert.action for alert in incidents.tick(after(51 + 1800))] == [Action.CLOSED]


def test_a_clock_that_steps_back_between_detections_ends_as_well() -> None:
    incidents = Incidents()
    incidents.feed(hello(100_000))
    assert incidents.tick(after(100_001)) == []
    assert incidents.tick(after(0)) == []
    assert [alert.action for alert in incidents.tick(after(1800))] == [Action.CLOSED]


def test_ticks_are_cheap_to_repeat() -> None:
    incidents = Incidents()
    incidents.feed(hello(0))
    incidents.tick(after(1799.5))
    assert incidents.tick(after(1800)) == []
    assert len(incidents.tick(after(1800.6))) == 1


@pytest.mark.parametrize("service_class", list(ServiceClass))
def test_broad_is_counted_only_and_every_other_class_alerts(service_class: ServiceClass) -> None:
    severity = Severity.INFO if service_class is ServiceClass.BROAD else Severity.LOW
    sig = signature(service_class)
    expected = [] if service_class is ServiceClass.BROAD else ["opened", "escalated"]
    assert actions(lookup(0, severity.step_down(), sig=sig), hello(1, severity, sig=sig)) == expected


def test_a_look_up_is_judged_by_what_its_connection_would_be() -> None:
    policy = IncidentPolicy(alert_from=Severity.HIGH)
    assert actions(lookup(0, Severity.MEDIUM), policy=policy) == ["opened"]
    assert actions(lookup(0, Severity.LOW), hello(1, Severity.MEDIUM), policy=policy) == []


def test_a_class_may_be_counted_only() -> None:
    policy = IncidentPolicy(alert_from=Severity.MEDIUM, counted=frozenset({ServiceClass.CLOUD}))
    cloud = signature(ServiceClass.CLOUD)
    incidents = Incidents(policy)
    assert incidents.feed(lookup(0, Severity.LOW, sig=cloud)) == []
    assert incidents.counters.counted == 1


def test_suppressed_detections_are_counted_and_expiry_falls_back() -> None:
    incidents = Incidents(IncidentPolicy(suppress=(Suppression(client="192.0.2.0/24", until_ns=after(10)),)))
    assert incidents.feed(hello(0)) == []
    assert incidents.counters.suppressed == 1
    assert [alert.action for alert in incidents.feed(hello(10))] == [Action.OPENED]


def test_a_new_policy_keeps_open_incidents() -> None:
    incidents = Incidents()
    incidents.feed(hello(0))
    incidents.apply(IncidentPolicy(suppress=(Suppression(service="Example"),)))
    assert incidents.feed(hello(1, port=2)) == []
    assert len(incidents.open_incidents) == 1
    incidents.apply(IncidentPolicy())
    assert incidents.feed(hello(2, port=3)) == []


def test_a_broken_policy_changes_nothing() -> None:
    incidents = Incidents(IncidentPolicy(suppress=(Suppression(service="Example"),)))
    with pytest.raises(ValueError):
        incidents.apply(IncidentPolicy(suppress=(Suppression(client="x"),)))
    assert incidents.feed(hello()) == []


def test_open_incidents_are_bounded_and_the_longest_quiet_goes() -> None:
    incidents = Incidents(IncidentPolicy(max_open=2))
    clients = [bytes([192, 0, 2, number]) for number in range(3)]
    incidents.feed(hello(0, client=clients[0]))
    incidents.feed(hello(1, client=clients[1]))
    incidents.feed(hello(2, client=clients[0], port=2))
    closed, opened = incidents.feed(hello(3, client=clients[2]))
    assert (closed.action, closed.incident.client, closed.incident.close_reason) == (
        Action.CLOSED,
        "192.0.2.1",
        CloseReason.EVICTED,
    )
    assert opened.action is Action.OPENED
    assert incidents.counters.evicted == 1
    assert len(incidents.open_incidents) == 2


def test_a_restart_continues_without_alerting_again() -> None:
    before = Incidents()
    alerts = [*before.feed(lookup(0)), *before.feed(hello(1))]
    after_restart = Incidents()
    after_restart.restore(before.open_incidents)
    assert after_restart.feed(hello(2, port=2)) == []
    [closed] = after_restart.tick(after(4000))
    assert closed.incident.id == alerts[0].incident.id
    assert closed.sequence == 3
    assert closed.incident.detections == 3


def test_a_restart_after_a_long_time_closes() -> None:
    before = Incidents()
    before.feed(hello(0))
    again = Incidents()
    again.restore(before.open_incidents)
    assert [alert.action for alert in again.feed(hello(86_400))] == [Action.CLOSED, Action.OPENED]


def test_closed_incidents_are_not_restored_and_the_bound_holds() -> None:
    before = Incidents()
    before.feed(hello(0))
    [closed] = before.tick(after(4000))
    open_ones = [alerts_of(hello(second, client=CLIENT[:3] + bytes([second])))[0].incident for second in (3, 1, 2)]
    incidents = Incidents(IncidentPolicy(max_open=2))
    assert [alert.incident.close_reason for alert in incidents.restore([closed.incident, *open_ones])] == ["evicted"]
    assert [incident.client for incident in incidents.open_incidents] == ["192.0.2.2", "192.0.2.3"]


def test_what_changed_is_given_once() -> None:
    incidents = Incidents()
    incidents.feed(hello(0))
    assert [incident.detections for incident in incidents.take_changed()] == [1]
    assert incidents.take_changed() == []
    incidents.feed(hello(1, port=2))
    assert [incident.detections for incident in incidents.take_changed()] == [2]


def test_open_incidents_by_severity_has_every_severity() -> None:
    incidents = Incidents()
    incidents.feed(hello(0))
    counts = incidents.open_by_severity()
    assert counts == {**dict.fromkeys(Severity, 0), Severity.HIGH: 1}


def test_every_detection_is_accounted_for() -> None:
    incidents = Incidents(IncidentPolicy(suppress=(Suppression(client="192.0.2.9"),), max_open=3))
    total = 0
    for number in range(500):
        severity = list(Severity)[number % 5]
        client = bytes([192, 0, 2, number % 11])
        incidents.feed(hello(number * 300, severity, client=client, port=number + 1))
        total += 1
    counters = incidents.counters
    assert counters.counted + counters.suppressed + counters.opened + counters.folded == total
    assert counters.opened - counters.closed == len(incidents.open_incidents)


def test_volume_without_an_open_incident_is_nobodys() -> None:
    incidents = Incidents()
    assert incidents.add_volume(volume()) == []
    assert incidents.open_incidents == []


def test_bytes_keep_an_incident_open_and_late_ones_end_it_first() -> None:
    incidents = Incidents(IncidentPolicy(close_after_ns=60 * SECOND_NS))
    incidents.feed(hello(0))
    assert incidents.add_volume(volume(50)) == []
    assert incidents.tick(START_NS + 100 * SECOND_NS) == []
    closed = incidents.add_volume(volume(200))
    assert [alert.action for alert in closed] == [Action.CLOSED]
    assert closed[0].incident.bytes_out == volume().bytes_out
    assert incidents.open_incidents == []


LAPTOP, PHONE = "02:00:5e:10:00:01", "02:00:5e:10:00:02"
V6 = [ip_address(f"2001:db8::{number:x}").packed for number in range(1, 100)]


def by(detection: Detection, mac: str | None = None, name: str | None = None) -> Detection:
    """The detection of a client that is known by its hardware address, or not known."""
    ip = detection.observation.client.ip
    known = ClientIdentity(key=f"mac:{mac}", ip=ip, mac=mac, name=name, source=IdentitySource.NEIGHBOUR)
    return replace(detection, client=known if mac else unknown_client(ip))


def test_one_device_with_many_addresses_is_one_client() -> None:
    incidents = Incidents()
    feeds = [by(hello(), LAPTOP, "laptop")] + [by(hello(at, client=ip), LAPTOP) for at, ip in enumerate(V6[:3], 1)]
    assert [alert.action for feed in feeds for alert in incidents.feed(feed)] == [Action.OPENED]
    [incident] = incidents.open_incidents
    assert incident.client == "192.0.2.7"  # the one that began it
    assert incident.client_addresses == ("192.0.2.7", "2001:db8::1", "2001:db8::2", "2001:db8::3")
    assert (incident.client_key, incident.client_mac, incident.client_name) == (f"mac:{LAPTOP}", LAPTOP, "laptop")
    assert incident.connections == 4


def test_two_devices_that_use_an_address_after_each_other_are_two() -> None:
    first, second = alerts_of(by(hello(), LAPTOP), by(hello(60), PHONE))
    assert first.incident.id != second.incident.id
    assert (first.incident.client_mac, second.incident.client_mac) == (LAPTOP, PHONE)


def test_a_client_that_becomes_known_keeps_its_incident() -> None:
    incidents = Incidents()
    incidents.feed(by(hello()))
    assert incidents.feed(by(hello(1, port=1), LAPTOP)) == []
    assert incidents.feed(by(hello(2, client=V6[0]), LAPTOP)) == []
    [incident] = incidents.open_incidents
    assert incident.client_key == f"mac:{LAPTOP}"


def test_a_client_that_is_forgotten_keeps_its_incident_and_its_name() -> None:
    incidents = Incidents()
    incidents.feed(by(hello(), LAPTOP, "laptop"))
    assert incidents.feed(by(hello(1, port=1))) == []
    [incident] = incidents.open_incidents
    assert (incident.client_key, incident.client_name) == (f"mac:{LAPTOP}", "laptop")


def test_a_device_that_got_a_static_name_keeps_its_incident() -> None:
    incidents = Incidents()
    incidents.feed(by(hello(), LAPTOP))
    renamed = ClientIdentity(key="name:desk", ip=CLIENT, mac=LAPTOP, name="desk", source=IdentitySource.STATIC)
    assert incidents.feed(replace(hello(1, port=1), client=renamed)) == []
    assert [incident.client_key for incident in incidents.open_incidents] == ["name:desk"]


def test_a_restored_incident_is_still_the_devices() -> None:
    before, after_ = Incidents(), Incidents()
    before.feed(by(hello(), LAPTOP))
    after_.restore(before.open_incidents)
    assert after_.feed(by(hello(1, client=V6[0]), LAPTOP)) == []
    assert after_.feed(by(hello(2, port=1))) == []
    assert after_.open_incidents[0].client_addresses == ("192.0.2.7", "2001:db8::1")


def test_addresses_of_a_client_are_bounded_and_forgotten_with_its_incident() -> None:
    incidents = Incidents()
    for at, ip in enumerate(V6):
        incidents.feed(by(hello(at, client=ip), LAPTOP))
    [incident] = incidents.open_incidents
    assert len(incident.client_addresses) == MAX_ADDRESSES
    assert incident.client_addresses_more == len(V6) - MAX_ADDRESSES
    incidents.tick(after(2 * HOUR_S))
    assert incidents.open_incidents == []
    assert incidents._seen_at == {}


def test_a_clock_that_steps_back_makes_no_second_incident_of_a_device() -> None:
    incidents = Incidents()
    incidents.feed(by(hello(7200), LAPTOP))
    assert incidents.feed(by(hello(0, client=V6[0]), LAPTOP)) == []
    assert len(incidents.open_incidents) == 1


def test_volume_of_any_address_is_its_devices() -> None:
    incidents = Incidents()
    incidents.feed(by(hello(client=V6[0]), LAPTOP))
    incidents.feed(by(hello(1), LAPTOP))
    incidents.add_volume(volume(2))
    [incident] = incidents.open_incidents
    assert incident.bytes_out == volume().bytes_out


def test_what_is_new_here_counts_and_is_known_after_a_restart() -> None:
    first, second = Incidents(), Incidents()
    new = first.feed(hello())[0].incident
    assert [(part.name, part.points) for part in new.score_parts][1:] == [("first seen", 5), ("prevalence", 0)]
    other = first.feed(hello(1, client=bytes([192, 0, 2, 8])))[0].incident
    assert [(part.name, part.points) for part in other.score_parts][1:] == [("first seen", 3), ("prevalence", 5)]
    second.recall([Use(new.signature, new.client_key, new.last_ns)])
    assert [part.name for part in second.feed(hello(3600))[0].incident.score_parts] == ["class", "prevalence"]


def test_a_volume_that_reaches_a_threshold_escalates_at_once() -> None:
    incidents = Incidents(IncidentPolicy(points=Points(raise_to_critical=75)))
    incidents.feed(hello(0))
    assert incidents.add_volume(volume(1, 99_000_000, 0)) == []
    [alert] = incidents.add_volume(volume(2, 1_000_000, 0))
    assert (alert.action, alert.severity, alert.previous_severity) == (
        Action.ESCALATED,
        Severity.CRITICAL,
        Severity.HIGH,
    )
    assert alert.incident.score == sum(part.points for part in alert.incident.score_parts) == 75


@pytest.mark.parametrize(("role", "groups"), [(Role.SERVER, ()), (None, ("servers", "x")), (None, ("desks",))])
def test_an_api_called_by_a_server_counts(role: Role | None, groups: tuple[str, ...]) -> None:
    who = ClientIdentity(key="name:batch", ip=CLIENT, role=role, groups=groups)
    api = replace(signature(), category=Category.API)
    [alert] = Incidents().feed(replace(hello(sig=api), client=who))
    assert ("server" in {part.name for part in alert.incident.score_parts}) is (groups != ("desks",))


def test_an_address_whose_incident_is_over_begins_its_own() -> None:
    incidents = Incidents()
    incidents.feed(by(hello(), LAPTOP))
    closed, opened = incidents.feed(by(hello(HOUR_S)))
    assert (closed.action, opened.action) == (Action.CLOSED, Action.OPENED)
    assert [key for key, _ in incidents._open] == [opened.incident.client_key] == ["ip:192.0.2.7"]


def test_an_incident_of_an_address_ends_when_its_client_turns_out_to_have_one() -> None:
    incidents = Incidents()
    incidents.feed(by(hello()))
    incidents.feed(by(hello(1, client=V6[0]), LAPTOP))
    [ended] = incidents.feed(by(hello(2, port=1), LAPTOP))
    assert (ended.action, ended.incident.close_reason) == (Action.CLOSED, CloseReason.MERGED)
    [incident] = incidents.open_incidents
    assert set(incident.client_addresses) == {"2001:db8::1", "192.0.2.7"}
