from __future__ import annotations

import json

import pytest

from egret.alerts.digest import Sight
from egret.alerts.formats.digest import DIGEST_LINES, digest_headline, digest_lines, digest_to_ecs, title
from egret.alerts.formats.lines import LINES
from egret.alerts.formats.syslog import smallest
from egret.alerts.model import Sensor
from egret.value import replace
from tests.support.alerts import HOSTILE, check_golden
from tests.support.digest import digest, first_use, quiet
from tests.support.ecs import faults

SENSOR = Sensor("1.2.3", "gw.example")


def test_golden(update_golden: bool) -> None:
    text = "\n\n".join("\n".join([title(each), *digest_lines(each)]) for each in (digest(), quiet()))
    lines = "\n".join(f"{name}: {line(digest(), SENSOR, None)}" for name, line in DIGEST_LINES.items())
    check_golden("digest.txt", f"{text}\n\n{lines}\n", update=update_golden)


def test_every_format_of_alerts_has_one_for_digests() -> None:
    assert set(DIGEST_LINES) == set(LINES)


def test_a_day_that_was_not_watched_is_not_called_quiet() -> None:
    blind = digest(opened={}, first_uses=(), uses=(), moved=(), sight=Sight())
    assert "quiet" not in title(blind) + digest_headline(blind)
    assert digest_headline(blind).endswith("did not watch on that day, so nothing is known of it")


def test_many_rows_are_counted() -> None:
    many = digest(first_uses=(first_use(),) * 100, first_uses_more=7)
    assert "    and 77 more" in digest_lines(many)
    assert "107 services used" in digest_headline(many)


def test_json_fits_by_leaving_rows_out_and_says_so() -> None:
    many = digest(first_uses=tuple(first_use(f"192.0.2.{number}") for number in range(200)))
    for name in ("ecs", "eve", "jsonl", "ocsf"):
        text = DIGEST_LINES[name](many, SENSOR, 8192)
        assert len(text) <= 8192 < len(DIGEST_LINES[name](many, SENSOR, None))
        document = json.loads(text)
        own = document.get("egret", {}).get("digest") or document.get("egret_digest") or document
        assert len(own["first_seen"]) + own["first_seen_more"] == 200


@pytest.mark.parametrize("name", sorted(DIGEST_LINES))
def test_the_least_line_is_enough(name: str) -> None:
    everything = digest().shortened(0)
    if name not in ("text", "cef", "leef"):
        assert len(DIGEST_LINES[name](everything, SENSOR, None)) <= smallest(name) - 512


def test_hostile_names_reach_nobody_unescaped() -> None:
    evil = replace(digest(), first_uses=(first_use("192.0.2.9", HOSTILE)._replace(service=HOSTILE, vendor=HOSTILE),))
    for line in digest_lines(evil):
        assert line.isprintable()
    for name, form in DIGEST_LINES.items():
        text = form(evil, SENSOR, None)
        assert text.isascii() or name == "text"
        assert "\n" not in text
        assert "\x1b" not in text


def test_elastic_would_take_it() -> None:
    everything = digest(first_uses=(first_use(),) * 200)
    for each in (digest(), quiet(), everything):
        assert faults(digest_to_ecs(each, SENSOR)) == []
        assert faults(digest_to_ecs(each, Sensor("1"))) == []
