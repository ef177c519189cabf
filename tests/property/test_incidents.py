"""Whatever comes in whatever order: nothing is lost from the account, and ticks change nothing."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from egret.alerts.codec import alert_from_dict, alert_to_dict
from egret.alerts.formats.text import several_lines
from egret.alerts.incidents import IncidentPolicy, Incidents
from egret.alerts.model import Action, Alert
from egret.model import Detection, Severity
from egret.value import replace
from tests.support.alerts import SECOND_NS, START_NS, hello, lookup, signature, volume

SIGNATURES = [signature(identity=f"example.s{number}") for number in range(2)]
POLICY = IncidentPolicy(update_every_ns=100 * SECOND_NS, close_after_ns=500 * SECOND_NS, max_open=3)


@st.composite
def detections(draw: st.DrawFn, *, ordered: bool) -> list[Detection]:
    times = draw(st.lists(st.integers(-1_000, 5_000), min_size=1, max_size=40))
    result = []
    for at_s in sorted(times) if ordered else times:
        severity = draw(st.sampled_from(list(Severity)))
        client = bytes([192, 0, 2, draw(st.integers(0, 4))])
        sig = draw(st.sampled_from(SIGNATURES))
        make = draw(st.sampled_from([hello, lookup]))
        result.append(make(at_s, severity, name=draw(st.text(max_size=5)), client=client, sig=sig))
    return result


def lives(alerts: list[Alert]) -> dict[str, list[Alert]]:
    by_incident: dict[str, list[Alert]] = {}
    for alert in alerts:
        by_incident.setdefault(alert.incident.id, []).append(alert)
    return by_incident


@settings(max_examples=50, deadline=None)  # a busy machine is no failure
@given(detections(ordered=False))
def test_every_detection_and_every_alert_is_accounted_for(seen: list[Detection]) -> None:
    incidents = Incidents(POLICY)
    alerts = [alert for detection in seen for alert in incidents.feed(detection)]
    alerts += incidents.tick(START_NS + 10**6 * SECOND_NS)
    counters, actions = incidents.counters, Counter(alert.action for alert in alerts)
    assert counters.counted + counters.suppressed + counters.opened + counters.folded == len(seen)
    assert incidents.open_incidents == []
    assert (actions[Action.OPENED], actions[Action.ESCALATED]) == (counters.opened, counters.escalated)
    assert (actions[Action.UPDATED], actions[Action.CLOSED]) == (counters.updated, counters.closed)
    assert counters.opened == counters.closed


@settings(max_examples=50, deadline=None)  # a busy machine is no failure
@given(detections(ordered=False), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 4)), max_size=9))
def test_the_last_word_alone_is_the_last_of_all(seen: list[Detection], moved: list[tuple[int, int]]) -> None:
    """With the incident as it is at the end, where it is still open."""
    whole, last = Incidents(POLICY), Incidents(POLICY, only_last=True)
    said: dict[str, Alert] = {}
    short: dict[str, Alert] = {}
    for index, detection in enumerate(seen):
        said |= {alert.incident.id: alert for alert in whole.feed(detection)}
        short |= {alert.incident.id: alert for alert in last.feed(detection)}
        for _, client in (each for each in moved if each[0] == index):
            many = volume(index, 10**9, client=bytes([192, 0, 2, client]))._replace(signature=SIGNATURES[0].id)
            said |= {alert.incident.id: alert for alert in whole.add_volume(many)}
            short |= {alert.incident.id: alert for alert in last.add_volume(many)}
    now = {incident.id: incident for incident in whole.open_incidents}
    at_end = {
        key: replace(alert, severity=now[key].severity, incident=now[key]) if key in now else alert
        for key, alert in said.items()
    }
    assert all(alert.action is Action.CLOSED for alert in short.values())
    assert short | {alert.incident.id: alert for alert in last.newest()} == at_end
    assert last.counters == whole.counters


@settings(max_examples=50, deadline=None)  # a busy machine is no failure
@given(detections(ordered=True))
def test_a_life_opens_once_rises_only_and_closes_once(seen: list[Detection]) -> None:
    incidents = Incidents(POLICY)
    alerts = [alert for detection in seen for alert in incidents.feed(detection)]
    alerts += incidents.tick(START_NS + 10**6 * SECOND_NS)
    for life in lives(alerts).values():
        by_sequence = sorted(life, key=lambda alert: alert.sequence)
        if [alert.sequence for alert in by_sequence] != list(range(1, len(life) + 1)):
            continue  # evicted and opened anew at the same instant: the same id, once more
        assert by_sequence[0].action is Action.OPENED
        assert by_sequence[-1].action is Action.CLOSED
        ranks = [alert.severity.rank for alert in by_sequence]
        assert ranks == sorted(ranks)
        assert [alert.time_ns for alert in by_sequence] == sorted(alert.time_ns for alert in by_sequence)


@settings(max_examples=50, deadline=None)  # a busy machine is no failure
@given(detections(ordered=True), st.integers(1, 700))
def test_ticks_change_nothing(seen: list[Detection], every_s: int) -> None:
    policy = IncidentPolicy(update_every_ns=100 * SECOND_NS, close_after_ns=500 * SECOND_NS)

    def run(*, ticking: bool) -> set[str]:
        incidents, alerts = Incidents(policy), []
        now_ns = seen[0].observation.time_ns
        for detection in seen:
            while ticking and now_ns < detection.observation.time_ns:
                alerts += incidents.tick(now_ns)
                now_ns += every_s * SECOND_NS
            alerts += incidents.feed(detection)
        alerts += incidents.tick(START_NS + 10**6 * SECOND_NS)
        return {str(alert_to_dict(alert)) for alert in alerts}

    assert run(ticking=True) == run(ticking=False)


@settings(max_examples=50, deadline=None)  # a busy machine is no failure
@given(detections(ordered=False))
def test_alerts_go_through_json_and_print_on_lines(seen: list[Detection]) -> None:
    incidents = Incidents(POLICY)
    for alert in [alert for detection in seen for alert in incidents.feed(detection)]:
        assert alert_from_dict(alert_to_dict(alert)) == alert
        assert all(line.isprintable() for line in several_lines(alert))
