"""The life of incidents, whatever comes: restarts, late stores."""

from __future__ import annotations

import pytest

from egret.alerts.incidents import Incidents
from egret.alerts.model import CloseReason
from tests.support.alerts import SECOND_NS, START_NS, hello


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
