"""What is remembered between detections (rulings, identities, verdicts taken) changes nothing that is said."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from egret.alerts.incidents import IncidentPolicy, Incidents
from egret.evidence import ScorePart
from egret.judge.approvals import Approval, ApprovalState, Terms
from egret.judge.identity import unknown_client
from egret.judge.points import Points
from egret.model import ClientIdentity, Detection, ServiceClass, Severity
from egret.value import replace
from tests.support.alerts import SECOND_NS, START_NS, hello, lookup, signature, volume

SIGNATURES = [signature(), signature(ServiceClass.EMBEDDED, "example.other", "Other")]
MAC = "02:00:5e:10:00:01"
TURNS = [None, *(START_NS + at_s * SECOND_NS for at_s in (100, 400, 900))]
WHAT: list[dict[str, Any]] = [{"service": "example.chat"}, {"vendor": "EXAMPLE"}, {"service_class": ServiceClass.AI}]
WHOM: list[dict[str, Any]] = [{}, {"clients": ("192.0.2.1",)}, {"groups": ("lab",)}]


def policy(chance: Random) -> IncidentPolicy:
    entries = []
    for number in range(1, chance.randrange(4) + 1):
        state = chance.choice(list(ApprovalState))
        terms = Terms(state=state, from_ns=chance.choice(TURNS), until_ns=chance.choice(TURNS))
        entries.append(Approval(number=number, terms=terms, **chance.choice(WHAT), **chance.choice(WHOM)))
    return IncidentPolicy(
        update_every_ns=100 * SECOND_NS,
        close_after_ns=300 * SECOND_NS,
        max_open=chance.choice([2, 100]),
        approvals=tuple(entries),
        points=Points(odd_hours=chance.choice([0, 7])),
    )


def detection(chance: Random, at_s: int) -> Detection:
    ip = bytes([192, 0, 2, chance.randrange(1, 4)])
    about: dict[str, Any] = {"client": ip, "sig": chance.choice(SIGNATURES), "name": chance.choice("ab")}
    made = chance.choice([hello, lookup])(at_s, chance.choice(list(Severity)), **about)
    parts = (ScorePart("class", chance.choice([10, 85]), ""),)
    known = ClientIdentity(key=f"mac:{MAC}", ip=ip, mac=MAC, groups=("lab",))
    return replace(
        made,
        client=chance.choice([unknown_client(ip), unknown_client(ip), known, None]),
        verdict=replace(made.verdict, score_parts=parts, reasons=(chance.choice("xyz"),)),
    )


def anew(made: Detection) -> Detection:
    """Equal, of other objects."""
    client = None if made.client is None else replace(made.client)
    return replace(made, client=client, verdict=replace(made.verdict))


def said(chance: Random, *, remembering: bool) -> list[object]:
    incidents, at_s, found = Incidents(policy(chance)), 0, list[object]()
    known: dict[str, Any] = {}
    for _ in range(80):
        at_s += chance.choice([0, 1, 7, 30, 60, -70, -2, 130])
        step = chance.random()
        if step < 0.05:
            incidents.apply(policy(chance))
            found += incidents.review(START_NS + at_s * SECOND_NS)
        elif step < 0.15:
            found += incidents.tick(START_NS + at_s * SECOND_NS)
        elif step < 0.25:
            found += incidents.add_volume(volume(at_s, 10**6, 5))
        else:
            made = anew(detection(chance, at_s))
            if remembering:
                same = known.setdefault(repr(made.verdict), made.verdict)
                made = replace(made, verdict=same, client=known.setdefault(repr(made.client), made.client))
            else:
                incidents._decisions._kept.clear()
            found += [incidents.weight(made), *incidents.feed(made), incidents.ruling(made)]
    return [*found, *incidents.open_incidents, incidents.counters]


@pytest.mark.parametrize("seed", range(20))
def test_what_is_remembered_changes_nothing(seed: int) -> None:
    assert said(Random(seed), remembering=True) == said(Random(seed), remembering=False)
