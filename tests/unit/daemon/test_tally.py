from __future__ import annotations

from egret.alerts.digest import Grant
from egret.daemon import tally as module
from egret.daemon.tally import ALLOWED, ALLOWED_IN, ALLOWED_OUT, CANARY_MISSED, CANARY_SENT, MOVED_IN, MOVED_OUT, Tally
from egret.judge.approvals import NO_RULING, ApprovalState, Ruling, Terms
from egret.judge.identity import unknown_client
from egret.telemetry import Telemetry
from egret.value import replace
from tests.support.alerts import CLIENT, START_NS, hello, volume

APPROVED = Ruling(terms=Terms(state=ApprovalState.APPROVED, owner="it", ticket="T-1"), entry=1)
HOUR_S = START_NS // 1_000_000_000 // 3600 * 3600


def tally() -> Tally:
    return Tally(Telemetry("test"))


def test_allowed_use_is_counted_by_its_grant_and_hour_with_its_bytes() -> None:
    counts = tally()
    member = replace(hello(), client=replace(unknown_client(CLIENT), groups=("office", "finance")))
    label = Grant(ApprovalState.APPROVED, "example.chat", ("finance", "office"), "it", "T-1").label()
    for at_s in (0, 1, 3600):
        counts.detection(replace(member, observation=hello(at_s).observation), APPROVED)
    counts.volume(volume(sent=7, received=3))
    assert counts.take(START_NS) == {
        HOUR_S: {ALLOWED: {label: 2}, MOVED_OUT: {"example.chat": 7}, MOVED_IN: {"example.chat": 3},
                 ALLOWED_OUT: {label: 7}, ALLOWED_IN: {label: 3}},
        HOUR_S + 3600: {ALLOWED: {label: 1}},
    }  # fmt: skip
    assert counts.take(START_NS) == {}


def test_other_use_is_not_and_its_bytes_are_those_of_the_service_only() -> None:
    counts = tally()
    counts.detection(hello(), APPROVED)
    counts.detection(hello(1), NO_RULING)
    counts.volume(volume(sent=7, received=0))
    assert set(counts.take(START_NS)[HOUR_S]) == {ALLOWED, MOVED_OUT}


def test_what_the_store_did_not_take_is_added_to_what_came_since() -> None:
    counts = tally()
    counts.volume(volume(sent=7, received=0))
    taken = counts.take(START_NS)
    counts.volume(volume(sent=1, received=0))
    counts.give_back(taken)
    assert counts.take(START_NS) == {HOUR_S: {MOVED_OUT: {"example.chat": 8}}}


def test_what_befell_the_sensor_is_counted_in_the_hour_that_it_is_asked_in() -> None:
    telemetry = Telemetry("test")
    counts = Tally(telemetry)
    telemetry._add("egret_canary_sent_total", 3, "dns")
    telemetry._add("egret_canary_missed_total", 1, "dns")
    assert counts.take(START_NS) == {HOUR_S: {CANARY_SENT: {"dns": 3}, CANARY_MISSED: {"dns": 1}}}
    assert counts.take(START_NS) == {}


def test_it_is_bounded_and_forgets(monkeypatch: object) -> None:
    counts = tally()
    for number in range(4):
        counts.detection(hello(client=bytes([192, 0, 2, number])), APPROVED)
    assert len(counts._granted) == 4
    counts.forget()
    assert not counts._granted
    assert module.MAX_GRANTED == 10_000
