from __future__ import annotations

from egret.alerts.folding import Folding
from egret.alerts.model import Action, CloseReason
from egret.model import VolumeSource
from tests.support.alerts import CLIENT, START_NS, hello, lookup, volume

LATER_NS = START_NS + 60 * 1_000_000_000


def standing() -> Folding:
    folding = Folding.begin(lookup(0))
    folding.add(hello(1))
    folding.add_volume(volume(2))
    folding.speak(Action.OPENED, START_NS)
    return folding


def test_what_was_given_is_taken_again() -> None:
    told = standing().unveiled()
    assert Folding.resume(told).unveiled() == told


def test_it_is_closed_by_its_newest_alert_only_where_that_is_said() -> None:
    folding = standing()
    assert (folding.snapshot().closed_ns, folding.snapshot().close_reason) == (None, None)
    closed = folding.close(LATER_NS, CloseReason.QUIET).incident
    assert (closed.closed_ns, closed.close_reason) == (LATER_NS, CloseReason.QUIET)


def test_there_is_news_until_it_was_told() -> None:
    folding = standing()
    news = [folding.has_news]
    folding.add(hello(3, port=7))
    news.append(folding.has_news)
    folding.speak(Action.UPDATED, LATER_NS)
    assert [*news, folding.has_news] == [False, True, False]


def test_bytes_that_are_known_better_are_news() -> None:
    folding = standing()
    folding.add_volume(volume(4, 0, 0, VolumeSource.UDP))
    folding.speak(Action.UPDATED, LATER_NS)
    folding.add_volume(volume(5, 0, 0, VolumeSource.CONNTRACK))
    assert folding.has_news


def test_it_lists_its_clients_addresses_and_links_to_its_page() -> None:
    folding = standing()
    folding.link(None)
    assert folding.snapshot().page is None
    folding.link("https://egret.example")
    assert folding.snapshot().page == f"https://egret.example/incidents/{folding.id}"
    assert folding.addresses == [CLIENT]
    assert folding.lists(CLIENT)
    assert (folding.key, folding.mac) == ("ip:192.0.2.7", None)
    assert folding.unveiled().client == "192.0.2.7"
