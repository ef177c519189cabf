from __future__ import annotations

import pytest

from egret.alerts.silence import MINUTE_NS, Silence

START = 472_224 * 60 * MINUTE_NS  # midnight of some day, UTC
LOOKS = 4  # a minute


class Link:
    """A link that is looked at every quarter of a minute."""

    def __init__(self) -> None:
        self.silence = Silence(5 * MINUTE_NS)
        self.now_ns = START

    def minutes(self, number: float, *, heard: bool) -> list[int]:
        """Let time pass; the silences that were told, in whole minutes."""
        told = []
        for _ in range(round(number * LOOKS)):
            self.now_ns += MINUTE_NS // LOOKS
            said = self.silence.look(self.now_ns, heard=heard)
            if said is not None:
                told.append(said // MINUTE_NS)
        return told


def test_a_busy_link_that_falls_silent_is_told_of_until_it_speaks() -> None:
    link = Link()
    assert link.minutes(60, heard=True) == []
    assert link.minutes(4.5, heard=False) == []
    assert link.minutes(3, heard=False)[:1] == [5]
    assert link.minutes(300, heard=False)[-1] == 307
    assert link.minutes(1, heard=True) == []


def test_one_that_is_quiet_anyway_is_left_alone() -> None:
    link = Link()
    for _ in range(30):
        assert link.minutes(1, heard=True) + link.minutes(3, heard=False) == []
    assert link.minutes(600, heard=False) == []


def test_it_must_have_been_watched_for_half_an_hour() -> None:
    link = Link()
    assert link.minutes(25, heard=True) + link.minutes(60, heard=False) == []


def test_an_hour_that_is_quiet_on_other_days_is_no_time_for_alarm() -> None:
    link = Link()
    for _ in range(3):
        link.minutes(18 * 60, heard=True)
        told = link.minutes(6 * 60, heard=False)
    assert told == []
    link.minutes(12 * 60, heard=True)
    assert link.minutes(6, heard=False)[:1] == [5]  # but at noon it is


def test_what_it_knows_of_other_days_fades() -> None:
    link = Link()
    for _ in range(40):
        link.minutes(18 * 60, heard=True)
        link.minutes(6 * 60, heard=False)
    for _ in range(30):
        link.minutes(24 * 60, heard=True)
    link.minutes(18.5 * 60, heard=True)
    assert link.minutes(6, heard=False)[:1] == [5]


@pytest.mark.parametrize("step", [-3600, 3600, 86_400 * 365])
def test_a_clock_that_is_set_begins_it_anew(step: int) -> None:
    link = Link()
    link.minutes(60, heard=True)
    link.now_ns += step * 1_000_000_000
    assert link.minutes(20, heard=False) == []


def test_its_memory_is_bounded() -> None:
    link = Link()
    link.minutes(24 * 60 * 40, heard=True)
    assert len(link.silence._recent) == 60
    assert max(total for _, total in link.silence._hours) <= 60 * 14
