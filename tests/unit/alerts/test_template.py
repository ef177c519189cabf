from __future__ import annotations

import json

import pytest

from egret.alerts import template
from egret.alerts.template import DIGEST_FIELDS, FIELDS, SENSOR_FIELDS, render
from tests.support.alerts import alerts_of, hello, hostile, opened, sensor_alert, whole_life
from tests.support.digest import digest


def test_fields_are_put_into_texts_and_stand_alone_as_they_are() -> None:
    made = {
        "text": "${severity}: ${client} uses ${service} for $$5 ($, ${previous_severity})",
        "blocks": [{"score": "${score}", "why": "${reasons}", "n": 3, "no": None}],
        "prior": "${previous_severity}",
        "instead": "or ${alternatives}",
    }
    template.check(made)
    first = opened()
    assert render(made, first) == {
        "text": "high: 192.0.2.7 uses Example Chat for $5 ($, )",
        "blocks": [{"score": first.incident.score, "why": list(first.incident.reasons), "n": 3, "no": None}],
        "prior": None,
        "instead": "or Claude, Mistral Le Chat",
    }


def test_secrets_are_put_in_their_places_and_are_never_fields() -> None:
    made = {"key": "${env:KEY}", "text": ["a ${file:/k}: ${service} $${env:X}"], "n": 3}
    template.check(made)
    assert template.references(made) == ["env:KEY", "file:/k"]
    filled = template.fill(made, {"env:KEY": "$1 ${host}", "file:/k": "$$"})
    assert render(filled, opened()) == {"key": "$1 ${host}", "text": ["a $$: Example Chat ${env:X}"], "n": 3}


def test_every_field_can_be_written_of_every_alert() -> None:
    every = {name: f"${{{name}}}" for name in FIELDS} | {f"{name}_text": f"a ${{{name}}}" for name in FIELDS}
    for alert in [*whole_life(), hostile()]:
        json.dumps(render(every, alert))


def test_nothing_hostile_changes_the_structure_or_gets_through_raw() -> None:
    made = render({"text": "${host} of ${vendor}", "one": "${service}"}, hostile())
    assert set(made) == {"text", "one"}
    assert all(value.isprintable() for value in made.values())


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({"a": "${clint}"}, "'clint'.*did you mean 'client'"),
        ({"a": [{"b": "x ${}"}]}, "unknown field ''.*one of: id"),
        ({"a": "${__class__}"}, "unknown field"),
        ({"a": "${host:html}"}, "unknown 'html' after .*host.* \\(only 'plain'"),
    ],
)
def test_an_unknown_field_is_an_error_of_the_configuration(made: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        template.check(made)


def test_plain_is_for_people_and_leaves_no_mention_or_link() -> None:
    alert = alerts_of(hello(name="<!channel>.[x](https://evil.example)@all.example"))[0]
    made = render(
        {"text": "at ${host:plain}", "one": "${host:plain}", "many": "${reasons:plain}", "raw": "${host}"}, alert
    )
    assert made["text"] == f"at {made['one']}"
    assert not set("<>[]`*") & set(made["text"])
    assert "@all" not in made["one"]
    assert "://" not in made["one"]
    assert made["many"] == ["run from the PRC (terms of use, 2025-01-01)"]
    assert "<!channel>" in made["raw"]


def test_a_thread_is_an_incident_until_its_end() -> None:
    life = [render({name: f"${{{name}}}" for name in ("thread", "event_action", "level")}, a) for a in whole_life()]
    assert {row["thread"] for row in life} == {opened().incident.id}
    assert [row["event_action"] for row in life] == ["trigger", "trigger", "trigger", "resolve"]
    assert [row["level"] for row in life] == ["warning", "error", "error", "error"]


def test_an_alert_about_the_sensor_fits_the_same_template() -> None:
    made = {"text": "${severity}: ${headline} ${client}", "client": "${client}", "kind": "${kind}", "key": "${thread}"}
    raised, over = (render(made, sensor_alert(turn)) for turn in (1, 2))
    assert raised["text"] == "high: sensor link down: lan0 is down; look "
    assert (raised["client"], raised["kind"], raised["key"]) == (None, "sensor", "egret link_down lan0")
    assert over["key"] == raised["key"]
    assert set(SENSOR_FIELDS) <= set(FIELDS)
    every = {name: f"${{{name}}}" for name in FIELDS}
    assert render(every, sensor_alert(2))["event_action"] == "resolve"
    assert {key for key, value in render(every, sensor_alert()).items() if value is not None} == set(SENSOR_FIELDS)


def test_a_digest_goes_into_the_same_structure() -> None:
    every = {name: f"${{{name}}}" for name in FIELDS}
    assert {key for key, value in render(every, digest()).items() if value is not None} == set(DIGEST_FIELDS)
    assert set(DIGEST_FIELDS) <= set(FIELDS)
    assert render("${kind}: ${headline:plain}${client}", digest()).startswith("digest: digest of 2026-01-01")
    assert render("${event_action}", digest()) == "resolve"
