from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest

from bench import workloads
from egret.cli.capture import Captures
from egret.track.share import Share
from egret.worker.engine import SWITCH
from egret.worker.partial import PartialPipeline
from egret.worker.shared_sluice import SharedSluice
from tests.support.gated import CATALOG


@pytest.mark.parametrize("cut", [0, 7])
def test_all_frames_are_seen_and_each_is_somebody_s(cut: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "1")
    path = tmp_path / "in.pcap"
    workloads.write_frames(path, islice(workloads.mix(random.Random(1)), 500), 20_000_000)
    path.write_bytes(path.read_bytes()[: -cut or None])
    foreign = []
    for number in range(3):
        pipeline = PartialPipeline(Share(number, 3), CATALOG)
        assert isinstance(pipeline.gate.sluice, SharedSluice)
        complaints: list[str] = []
        own = sum(1 for _ in Captures([str(path)], complaints.append).frames(str(path), pipeline.gate))
        assert own + pipeline.gate.skipped == 500 - bool(cut)
        assert ["packet 500, at byte" in complaint for complaint in complaints] == [True] * bool(cut)
        assert pipeline.gate.last_ns == workloads.START_NS + (500 - bool(cut)) * 20_000_000
        foreign.append(pipeline.gate.sluice.foreign)
    assert 900 < sum(foreign) < 1000  # but for look-ups each is foreign to two
