from __future__ import annotations

import json

import pytest

from egret.alerts import template
from egret.alerts.template import FIELDS, render
from tests.support.alerts import hostile, opened, whole_life


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
    ],
)
def test_an_unknown_field_is_an_error_of_the_configuration(made: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        template.check(made)
