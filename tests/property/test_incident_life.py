"""The life of incidents against a naive model, and whatever comes between: ticks, restarts, reloads, clocks."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egret.alerts.codec import incident_from_dict
from egret.alerts.incidents import IncidentPolicy, Incidents
from egret.alerts.model import Action, Alert, CloseReason, Incident
from egret.judge.points import Points
from egret.model import Detection, Severity
from egret.store.rows import Rows
from egret.value import replace
from tests.support.alerts import SECOND_NS, START_NS, hello, lookup, signature

UPDATE_S, MOST_S, CLOSE_S = 100, 450, 500
POLICY = IncidentPolicy(
    update_every_ns=UPDATE_S * SECOND_NS,
    update_at_least_ns=MOST_S * SECOND_NS,
    close_after_ns=CLOSE_S * SECOND_NS,
    points=Points(raise_to_high=None, raise_to_critical=None),
)
SIGNATURES = [signature(identity=f"example.s{number}") for number in range(2)]
SEVERITIES = (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)
END_S = 10**6


class Event(NamedTuple):
    """One detection: a hello on a flow of its own, or a look-up."""

    at_s: int
    severity: Severity
    is_lookup: bool
    host: str
    client: int
    service: int
    port: int

    @property
    def key(self) -> tuple[str, str]:
        return f"192.0.2.{self.client}", SIGNATURES[self.service].id

    def detection(self) -> Detection:
        about = {"name": self.host, "client": bytes([192, 0, 2, self.client]), "sig": SIGNATURES[self.service]}
        if self.is_lookup:
            return lookup(self.at_s, self.severity, **about)  # type: ignore[arg-type]  # passed through
        return hello(self.at_s, self.severity, port=self.port, **about)  # type: ignore[arg-type]


class Said(NamedTuple):
    """What is compared of an alert."""

    key: tuple[str, str]
    action: str
    at_s: float
    severity: str
    sequence: int
    counts: tuple[int, int, int, int]  # detections, look-ups, connections, hosts


@st.composite
def events(draw: st.DrawFn, *, ordered: bool = True, steps: bool = False) -> list[Event]:
    gaps = st.integers(0, 90) | st.integers(0, 700) if ordered else st.integers(-400, 700)
    if steps:
        gaps |= st.sampled_from([-86_400 * 365, 86_400 * 365, -7200, 7200])
    number, now, made = draw(st.integers(1, 40)), 0, []
    for port in range(1, number + 1):
        now += draw(gaps)
        severity, host = draw(st.sampled_from(SEVERITIES)), draw(st.sampled_from(["a.example", "b.example"]))
        made.append(
            Event(now, severity, draw(st.booleans()), host, draw(st.integers(1, 3)), draw(st.integers(0, 1)), port)
        )
    return made


def model(rows: Iterable[Event]) -> list[Said]:
    """What must be said: by client and service, incident by incident, from all of its detections at once."""
    by_key: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in rows:
        by_key[event.key].append(event)
    said: list[Said] = []
    for key, own in by_key.items():
        breaks = [at for at, (one, other) in enumerate(pairwise(own), 1) if other.at_s - one.at_s >= CLOSE_S]
        for start, stop in pairwise([0, *breaks, len(own)]):
            said += life(key, own[start:stop])
    return said


def life(key: tuple[str, str], rows: list[Event]) -> list[Said]:
    """One incident's alerts."""
    said: list[Said] = []
    told: tuple[int, ...] = ()
    updates = 0

    def counts(number: int) -> tuple[int, int, int, int]:
        seen = rows[:number]
        lookups = sum(event.is_lookup for event in seen)
        return number, lookups, number - lookups, len({event.host for event in seen})

    def say(action: str, at_s: float, number: int) -> None:
        nonlocal told
        told = counts(number)[1:]
        worst = max((event.severity for event in rows[:number]), key=lambda severity: severity.rank)
        said.append(Said(key, action, at_s, worst.value, len(said) + 1, counts(number)))

    def due_s() -> float:
        return said[-1].at_s + min(UPDATE_S << updates, MOST_S)

    for number, event in enumerate(rows):
        if number and due_s() <= event.at_s and told != counts(number)[1:]:
            at_s, updates = due_s(), updates + 1
            say("updated", at_s, number)
        before = rows[:number]
        if not before:
            say("opened", event.at_s, 1)
        elif event.severity.rank > max(each.severity.rank for each in before):
            say("escalated", event.at_s, number + 1)
        elif not event.is_lookup and all(each.is_lookup for each in before):
            say("updated", event.at_s, number + 1)  # more than a look-up now
        elif due_s() <= event.at_s and told != counts(number + 1)[1:]:
            updates += 1
            say("updated", event.at_s, number + 1)
    close_s = rows[-1].at_s + CLOSE_S
    if due_s() < close_s and told != counts(len(rows))[1:]:
        say("updated", due_s(), len(rows))
    say("closed", close_s, len(rows))
    return said


def as_said(alert: Alert) -> Said:
    incident = alert.incident
    counts = (incident.detections, incident.lookups, incident.connections, len(incident.hosts))
    at_s, key = (alert.time_ns - START_NS) / SECOND_NS, (incident.client, incident.signature)
    return Said(key, alert.action.value, at_s, alert.severity.value, alert.sequence, counts)


def through_store(incident: Incident) -> Incident:
    """As a restart reads it."""

    return incident_from_dict(json.loads(str(Rows().incident(incident)[7])))


def finished(incidents: Incidents) -> list[Alert]:
    """Ticked until nothing is left to say."""
    return [*incidents.tick(START_NS + END_S * SECOND_NS), *incidents.tick(START_NS + 2 * END_S * SECOND_NS)]


@settings(max_examples=120, deadline=None)
@given(events(), st.sets(st.integers(0, 40)), st.integers(1, 400))
def test_what_is_said_is_what_the_model_says_whenever_ticks_and_restarts_come(
    rows: list[Event], restarts: set[int], tick_s: int
) -> None:
    incidents, alerts, now_s = Incidents(POLICY), [], rows[0].at_s
    for number, event in enumerate(rows):
        while now_s < event.at_s:
            alerts += incidents.tick(START_NS + now_s * SECOND_NS)
            now_s += tick_s
        if number in restarts:
            kept, incidents = incidents.open_incidents, Incidents(POLICY)
            assert incidents.restore(map(through_store, kept)) == []
        alerts += incidents.feed(event.detection())
    alerts += finished(incidents)
    assert sorted(map(as_said, alerts)) == sorted(model(rows))
    assert len({alert.id for alert in alerts}) == len(alerts)


@settings(max_examples=80, deadline=None)
@given(events(ordered=False, steps=True), st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40)))
def test_whatever_the_clock_does_every_life_is_whole_and_nothing_is_counted_twice(
    rows: list[Event], restarts: set[int], reloads: set[int]
) -> None:
    incidents, alerts = Incidents(POLICY), []
    for number, event in enumerate(rows):
        if number in restarts:
            kept, incidents = incidents.open_incidents, Incidents(POLICY)
            incidents.restore(kept)
        if number in reloads:
            incidents.apply(replace(POLICY, close_after_ns=(5 + number) * SECOND_NS))
        alerts += incidents.tick(START_NS + event.at_s * SECOND_NS)
        detection = event.detection()
        seen = detection.observation
        once = replace(seen, time_ns=seen.time_ns + event.port)  # the same instant does not come twice
        alerts += incidents.feed(replace(detection, observation=once))
    now_s = rows[-1].at_s
    for at_s in range(now_s, now_s + 1300, 50):  # the clock goes on from where it was set to
        alerts += incidents.tick(START_NS + at_s * SECOND_NS)
    assert incidents.open_incidents == []
    by_incident: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        by_incident[alert.incident.id].append(alert)
    for whole in by_incident.values():
        assert [alert.sequence for alert in whole] == list(range(1, len(whole) + 1))
        actions = [alert.action for alert in whole]
        assert (actions[0], actions[-1], actions.count(Action.CLOSED)) == (Action.OPENED, Action.CLOSED, 1)
        ranks = [alert.severity.rank for alert in whole]
        assert ranks == sorted(ranks)
        assert whole[-1].incident.closed_ns == whole[-1].time_ns
    assert sum(whole[-1].incident.detections for whole in by_incident.values()) == len(rows)


@settings(max_examples=60, deadline=None)
@given(events(), st.lists(st.integers(0, 55), min_size=40, max_size=40))
def test_a_little_disorder_closes_nothing_early_and_no_alert_is_dated_before_another(
    rows: list[Event], late: list[int]
) -> None:
    """Two interfaces, or two workers: what they see comes up to a minute late."""
    shifted = [row._replace(at_s=row.at_s - by) for row, by in zip(rows, late, strict=False)]
    incidents = Incidents(POLICY)
    alerts = [alert for row in shifted for alert in incidents.feed(row.detection())]
    alerts += finished(incidents)
    latest: dict[tuple[str, str], int] = {}
    by_incident: dict[str, list[int]] = defaultdict(list)
    for alert in alerts:
        by_incident[alert.incident.id].append(alert.time_ns)
    assert all(times == sorted(times) for times in by_incident.values())
    for row in shifted:
        latest[row.key] = max(latest.get(row.key, row.at_s), row.at_s)
    last = {
        (alert.incident.client, alert.incident.signature): alert.time_ns
        for alert in alerts
        if alert.action is Action.CLOSED
    }
    for key, at_s in latest.items():
        assert last[key] >= START_NS + (at_s + CLOSE_S) * SECOND_NS


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_open_incidents_of_one_client_and_service_the_quieter_ends(order: tuple[int, int]) -> None:
    """A store that could not be read at the start gives its incidents later; or both are in it, by a kill."""
    lives = [Incidents(), Incidents()]
    found = [life.feed(hello(second))[0].incident for life, second in zip(lives, (0, 60), strict=True)]
    again = Incidents()
    closed = [alert for number in order for alert in again.restore([found[number]])]
    [left] = again.open_incidents
    assert left.id == found[1].id
    assert [(alert.incident.id, alert.incident.close_reason) for alert in closed] == [(found[0].id, CloseReason.MERGED)]
    assert closed[0].time_ns == START_NS + 60 * SECOND_NS
    assert again.restore(found[1:]) == []
    assert again.counters.closed == 1


def test_what_a_continued_incident_says_has_keys_of_its_own() -> None:
    """Alerts that a full disk did not take were told all the same; after a kill their numbers come again."""
    before = Incidents()
    [opened] = before.feed(hello())
    kept = opened.incident
    [told] = before.tick(START_NS + 4000 * SECOND_NS)
    again = Incidents()
    again.restore([kept])
    [closed] = again.tick(START_NS + 4000 * SECOND_NS)
    assert (told.sequence, closed.sequence) == (2, 2)
    assert told.id != closed.id
