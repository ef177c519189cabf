"""The shapes of ``bench/shapes.py`` are what they are called: nothing in them is odd where it should not be."""

from __future__ import annotations

import random
from functools import lru_cache
from itertools import islice
from pathlib import Path

import pytest

from bench import workloads
from bench.measure import EGRET, PURE
from bench.shapes import FORMS, PEER, Row, line, page, write
from bench.shaping.table import SHAPES
from egret.model import Anomaly
from egret.sources.files import open_capture
from egret.track.observer import Observer
from tests.docs.test_performance_page import MACHINE, shape
from tests.support.documents import ROOT

# Noise where QUIC is expected, what was cut off, answers of which nobody saw the question.
HELLO = lru_cache(workloads._hello)
ODD = {"vpn on 443", "snap 96", "snap 128", "snap 262", "web, snap 96", "servers only"}


@pytest.fixture(autouse=True)
def made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workloads, "_hello", HELLO)


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_has_nothing_odd(name: str, tmp_path: Path) -> None:
    shape = SHAPES[name]
    write(tmp_path / "shape", shape, islice(shape.make(random.Random(7)), 120))
    source, observer = open_capture(str(tmp_path / "shape")), Observer()
    events = [event for frame in source.frames() for event in observer.feed(frame)]
    source.close()
    assert observer.counters.frames == 120
    assert name in ODD or not [event for event in events if isinstance(event, Anomaly)]


def test_the_page_is_what_would_be_written() -> None:
    text = (ROOT / "docs/performance-shapes.md").read_text(encoding="utf-8")
    us = dict.fromkeys((EGRET, PURE, PEER), 1.0)
    made = page([Row(name, us, {}) for name in SHAPES], dict.fromkeys((*MACHINE, PEER), "1"), 50_000)
    assert sorted(shape(text)) == sorted(shape(made))


def test_a_line_has_both_and_how_many_times_the_one_is_the_other() -> None:
    row = Row("dns", {"egret": 0.5, "egret, pure Python": 1.0, "ndpiReader": 5.0}, {"egret": 7, "ndpiReader": None})
    assert line(row).split() == ["dns", "0.50", "1.00", "5.00", "0.10", "7", "None"]
    assert {shape.form for shape in SHAPES.values()} == set(FORMS)
