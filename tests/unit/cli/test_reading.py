from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest

from bench import workloads
from egret.cli import reading
from egret.cli.capture import Captures
from egret.cli.reading import PartialReading, Placed, Reading
from egret.cli.steps import END, Ended, Entangled, Found, Moved, Passed, Place
from egret.track.limits import Limits
from egret.track.share import Share
from egret.worker.partial import FORGETFUL, PartialPipeline
from egret.worker.pipeline import Pipeline
from tests.support.gated import CATALOG


@pytest.fixture
def capture(tmp_path: Path) -> str:
    path = tmp_path / "in.pcap"
    workloads.write_frames(path, islice(workloads.tls(random.Random(3)), 3_000), 20_000_000)
    return str(path)


def read(capture: str) -> list[Placed]:
    return list(Reading(Pipeline(CATALOG), lambda hit: hit).steps(Captures([capture]), capture))


def part(capture: str, number: int, of: int, limits: Limits | None = None) -> list[Placed]:
    share = Share(number, of)
    pipeline = PartialPipeline(share, CATALOG, limits=limits)
    return list(PartialReading(pipeline, lambda hit: hit, share).sure_steps(Captures([capture]), capture))


def test_steps_are_in_the_order_of_their_places(capture: str) -> None:
    found = read(capture)
    places = [place for place, _ in found]
    assert places == sorted(places)
    assert [type(step) for _, step in found[-3:]] == [Found, Moved, Ended]
    assert places[-3:] == [END] * 3
    frames = [place.frame for place, step in found if isinstance(step, Found) and place.frame]
    assert frames == sorted(set(frames))
    assert 0 < frames[-1] <= 3_000
    assert all(place.frame == 0 for place, step in found if isinstance(step, Moved))
    assert 50 < max(place.turn for place in places[:-3]) <= 61  # one at each second, and the first


def test_the_parts_have_the_places_of_the_whole(capture: str) -> None:
    whole = {place for place, step in read(capture) if isinstance(step, Found) and step.hits}
    parts = [part(capture, number, 2) for number in range(2)]
    found = [{place for place, step in steps if isinstance(step, Found) and step.hits} for steps in parts]
    assert found[0] | found[1] == whole
    assert all(found)
    for steps in parts:
        assert [place for place, _ in steps] == sorted(place for place, _ in steps)
        assert isinstance(steps[-1][1], Ended)


def test_how_far_it_is_is_said_now_and_then(capture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_HELD", 2)
    monkeypatch.setattr(reading, "_QUIET_TURNS", 5)
    monkeypatch.setattr(Pipeline, "hits", lambda *_: [])
    steps = part(capture, 0, 2)
    assert [place for place, step in steps if isinstance(step, Passed)] == [Place(turn, 0) for turn in range(0, 61, 5)]
    said = [step.remembers.decided for _, step in steps if isinstance(step, Passed)]
    assert said == sorted(said)
    assert 100 < said[-1] < 1_000


def test_what_does_not_stand_is_not_said(capture: str) -> None:
    steps = part(capture, 0, 2, Limits(flows=2, decided=12))
    *sure, (place, last) = steps
    assert last == Entangled(FORGETFUL)
    assert all(before <= place for before, _ in sure)
    assert sure == part(capture, 0, 2)[: len(sure)]
