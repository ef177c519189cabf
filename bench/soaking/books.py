"""The account at the end, from independent counts: what was sent, what Egret counted, what is on record, what each
receiver took. What nothing explains fails the soak; what no one can know across a kill is bounded by the diary."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bench.soaking.faults import Diary, Span
from bench.soaking.place import Scrape
from bench.soaking.receivers import Memory
from bench.soaking.traffic import Pair, Sent
from egret.store.outbox import Kept, State
from egret.telemetry.account import account

SLACK_S = 3.0  # an alert may be dated when its packet came, a little before the disk was full


class Recorded(NamedTuple):
    """What the store says at the end."""

    detections: Mapping[Pair, int]  # of all incidents of a pair
    open: int  # incidents that are not closed
    alerts: Sequence[Kept]


@dataclass
class Books:
    """Collects what does not add up."""

    wrong: list[str] = field(default_factory=list)

    def line(self, text: str, *, holds: bool = True) -> None:
        """A line of the account; one that does not hold is a finding."""
        print(f"  {text}{'' if holds else '   <-- UNEXPLAINED'}", flush=True)
        if not holds:
            self.wrong.append(text)

    def title(self, text: str) -> None:
        print(text, flush=True)

    def instant(self, scrape: Scrape) -> None:
        """Whatever the moment: the metrics balance."""
        for row in account(scrape.samples):
            if row.missing:
                self.wrong.append(f"at {scrape.time_s:.1f}: {row}")
        if errors := scrape.total("egret_internal_errors_total"):
            self.wrong.append(f"at {scrape.time_s:.1f}: {errors} errors of Egret's own")


def within(spans: Iterable[Span], sent: Iterable[Sent]) -> list[Sent]:
    """What was sent in any of the spans."""
    ordered = list(spans)
    return [each for each in sent if any(span.since_s <= each.time_s <= span.until_s for span in ordered)]


def detections(books: Books, sent: Sequence[Sent], totals: Mapping[str, int], diary: Diary) -> None:
    """Sent = counted + lost while nobody looked."""
    blind, counted = within(diary.blind, sent), totals["egret_detections_total"]
    dropped = totals["egret_packets_dropped_total"] + totals["egret_messages_dropped_total"]
    lost = len(sent) - counted
    books.title("detections")
    books.line(f"{len(sent):,} flagged flows sent, {counted:,} detections counted")
    most = len(blind) + dropped
    words = (
        f"{lost:,} not counted, of at most {most:,}: {len(blind):,} sent around kills and restarts, {dropped:,} drops"
    )
    books.line(words, holds=0 <= lost <= most)
    ends = ("egret_incidents_opened_total", "egret_detections_folded_total", "egret_alerts_suppressed_total")
    opened, folded, suppressed = (totals[name] for name in ends)
    words = f"{counted:,} detections = {opened:,} opened + {folded:,} folded + {suppressed:,} suppressed"
    books.line(words, holds=counted == opened + folded + suppressed)


def pairs(books: Books, sent: Sequence[Sent], recorded: Recorded, diary: Diary) -> None:
    """By client and service: what the incidents on record count is what was sent, but for the kills."""
    of_all = Counter(each.pair for each in sent)
    excused = Counter(each.pair for each in within([*diary.blind, *diary.unsaved], sent))
    missing = {pair: number - recorded.detections.get(pair, 0) for pair, number in of_all.items()}
    more = {pair: -number for pair, number in missing.items() if number < 0}
    less = {pair: number for pair, number in missing.items() if number > excused[pair]}
    strange = set(recorded.detections) - set(of_all)
    books.title("incidents on record")
    kept, found = sum(recorded.detections.values()), len(recorded.detections)
    books.line(f"{kept:,} detections in {found:,} pairs of client and service; sent were {len(of_all):,} pairs")
    most, lost = sum(excused.values()), sum(missing.values())
    books.line(
        f"{lost:,} not in them, of at most {most:,} that came around kills; {len(less):,} pairs beyond theirs",
        holds=not less,
    )
    books.line(f"{len(more):,} pairs with more than was sent {dict(list(more.items())[:3]) or ''}", holds=not more)
    books.line(f"{len(strange):,} pairs that nobody sent {list(strange)[:3] or ''}", holds=not strange)
    books.line(f"{recorded.open:,} incidents left open", holds=not recorded.open)


def alerts(books: Books, recorded: Recorded) -> None:
    """Each incident's alerts: numbered without a gap, opened first, closed last and only once."""
    lives: dict[str, list[tuple[int, str]]] = {}
    for kept in recorded.alerts:
        body = json.loads(kept.body)
        lives.setdefault(body["incident"]["id"], []).append((body["sequence"], body["action"]))
    broken = [identity for identity, rows in lives.items() if not _is_whole(sorted(rows))]
    books.title("alerts")
    actions = Counter(action for rows in lives.values() for _, action in rows)
    by_action = ", ".join(f"{number:,} {action}" for action, number in sorted(actions.items()))
    books.line(f"{len(recorded.alerts):,} on record of {len(lives):,} incidents: {by_action}")
    books.line(f"{len(broken):,} incidents whose alerts are not whole {broken[:3] or ''}", holds=not broken)


def _is_whole(rows: Sequence[tuple[int, str]]) -> bool:
    numbers, actions = [row[0] for row in rows], [row[1] for row in rows]
    is_closed_once = actions[-1] == "closed" and actions.count("closed") == 1
    return numbers == list(range(1, len(rows) + 1)) and actions[0] == "opened" and is_closed_once


def output(books: Books, name: str, took: Memory, recorded: Recorded, dropped: int, diary: Diary) -> None:
    """What one receiver has, against what is on record for it."""
    ids = {kept.id for kept in recorded.alerts}
    dead = {each.id for each in recorded.alerts for place in each.places if place == (name, State.DEAD, place.detail)}
    waiting = {each.id for each in recorded.alerts for place in each.places if place[:2] == (name, State.WAITING)}
    got = set(took.took)
    lost, unknown = ids - got - dead - waiting, got - ids
    twice = took.took.total() - len(got)
    words = f"{name}: {len(ids):,} = {len(got & ids):,} delivered + {len(dead - got):,} dead + {dropped:,} dropped"
    books.line(
        f"{words} + {len(waiting - got):,} waiting; {twice:,} came again", holds=len(lost) == dropped and not waiting
    )
    if lost:
        books.wrong.append(f"{name}: lost {sorted(lost)[:5]}")
    if unknown:
        spans = [Span(span.since_s - SLACK_S, span.until_s) for span in diary.untold]
        strange = [key for key in unknown if not any(s.since_s <= took.first_s[key] <= s.until_s for s in spans)]
        words = f"{len(unknown):,} told while the disk was full, and then came a kill; {len(strange):,} at other times"
        books.line(f"{name}: {words} {strange[:3] or ''}", holds=not strange)
    if took.clashes:
        words = f"{len(took.clashes):,} keys under which two different alerts came {sorted(took.clashes)[:3]}"
        books.line(f"{name}: {words}", holds=False)
