from __future__ import annotations

import pytest

from egret.alerts.formats.text import (
    counts_text,
    first_url,
    headline,
    hosting_text,
    main_host,
    one_line,
    operator_text,
    several_lines,
)
from egret.alerts.incidents import Incidents
from egret.model import Hosting, Operator
from egret.value import replace
from tests.support.alerts import (
    alerts_of,
    check_golden,
    hello,
    hostile,
    lookup,
    opened,
    signature,
    volume,
    whole_life,
)


def test_golden(update_golden: bool) -> None:
    lines = [line for alert in whole_life() for line in several_lines(alert)]
    check_golden("life.txt", "".join(f"{line}\n" for line in lines), update=update_golden)


def test_a_look_up_says_that_no_connection_was_seen() -> None:
    [alert] = alerts_of(lookup())
    assert "looked up" in one_line(alert)
    assert "no connection seen" in one_line(alert)
    assert "hosted" not in one_line(alert)


def test_a_connection_says_who_what_where_and_whose_law() -> None:
    line = one_line(opened())
    for part in ("2026-01-01T00:00:00Z", "HIGH", "opened", "192.0.2.7", "Example Chat (Example)", "chat.example"):
        assert part in line
    assert "203.0.113.9:443, hosted CN AS64500 Example Net; operator CN" in line
    assert "no connection" not in line


def test_nothing_hostile_gets_through() -> None:
    for line in [*several_lines(hostile()), headline(hostile())]:
        assert line.isprintable()
        line.encode("utf-8")


@pytest.mark.parametrize(
    ("hosting", "text"),
    [
        (Hosting(), "hosting unknown"),
        (Hosting(country="SG", source="x"), "hosted SG"),
        (Hosting(asn=64500, source="x"), "hosted country unknown AS64500"),
        (Hosting(country="HK", as_org="Net", source="x"), "hosted HK Net"),
    ],
)
def test_hosting_says_what_is_known(hosting: Hosting, text: str) -> None:
    assert hosting_text(hosting) == text


def test_contested_is_said_and_never_decided() -> None:
    assert operator_text(Operator(country="SG", contested=True)) == "operator SG, contested"
    assert operator_text(Operator(country=None, contested=False)) == "operator unknown"


def test_ipv6_servers_are_bracketed() -> None:
    server = bytes.fromhex("20010db8000000000000000000000009")
    assert "[2001:db8::9]:443" in one_line(alerts_of(hello(server=server))[0])


def test_the_host_of_the_newest_named_server_is_shown() -> None:
    incident = opened().incident
    nameless = replace(incident, servers=(incident.servers[0], replace(incident.servers[0], host=None)))
    assert main_host(nameless) == "chat.example"
    assert main_host(replace(incident, servers=(), hosts=("a.example", "b.example"))) == "b.example"
    assert main_host(replace(incident, servers=(), hosts=())) is None
    assert "no name" in headline(replace(opened(), incident=replace(incident, servers=(), hosts=())))


def test_numbers_agree_with_their_nouns() -> None:
    incident = replace(opened().incident, connections=1, lookups=2)
    assert counts_text(incident) == "1 connection, 2 look-ups"


def test_many_hosts_are_counted() -> None:
    incident = replace(opened().incident, hosts=tuple("abcde"), hosts_more=3)
    assert any("a, b, c and 5 more" in line for line in several_lines(replace(opened(), incident=incident)))


def test_what_is_not_there_has_no_line() -> None:
    [alert] = alerts_of(hello(sig=replace(signature(), alternatives=()), reasons=()))
    assert [line.split()[0] for line in several_lines(alert)[1:]] == ["hosts", "incident"]


def test_only_a_url_is_one() -> None:
    assert (
        first_url(["a list, 2026-01-01", "https://example.org/terms", "https://example.org/other"])
        == "https://example.org/terms"
    )
    assert first_url(["a list, 2026-01-01"]) is None


def test_volume_is_said_with_how_it_was_counted() -> None:
    incidents = Incidents()
    alert = incidents.feed(hello())[0]
    incidents.add_volume(volume(1, 1_200_000, 3_400_000))
    line = one_line(replace(alert, incident=incidents.open_incidents[0]))
    assert "; sent 1.2 MB, received 3.4 MB since detection (TCP by sequence numbers)" in line
