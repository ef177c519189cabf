from __future__ import annotations

import random
import weakref
from itertools import islice
from pathlib import Path

import pytest

from bench import workloads
from egret.cli.capture import Captures
from egret.cli.scan import Scan
from egret.cli.steps import Ended, Found, Moved, Step
from egret.daemon.setup import Knowledge, load_knowledge
from egret.judge.unnamed import UNNAMED
from egret.model import Connection, Endpoint, Match, NamedBy, Transport
from egret.settings.config import load_config
from egret.worker.pipeline import Hit, Pipeline


@pytest.fixture(scope="module")
def knowledge(repository: Path) -> Knowledge:
    return load_knowledge(load_config(repository / "src/egret/data/demo/egret-demo.yaml"))


def steps(knowledge: Knowledge, repository: Path, *, prove: bool = False) -> list[Step]:
    capture = str(repository / "src/egret/data/demo/egret-demo.pcapng")
    return list(Scan(knowledge, prove=prove)(Captures([capture]), capture))


def test_hits_and_volumes_and_an_end(knowledge: Knowledge, repository: Path) -> None:
    found = steps(knowledge, repository)
    assert sum(len(step.hits) for step in found if isinstance(step, Found)) > 20
    assert any(step.volumes for step in found if isinstance(step, Moved))
    assert isinstance(found[-1], Ended)
    assert found[-1].time_ns > 0
    assert found[-1].counts["names", "dns", "query"] > 0


@pytest.mark.parametrize("last", [bytes(60), bytes(20), b""])  # the gate takes none of them, and sees not all
def test_the_end_is_the_last_frame_s_time(last: bytes, knowledge: Knowledge, tmp_path: Path) -> None:
    frames = [*islice(workloads.dns(random.Random(1)), 20), last]
    path = tmp_path / "in.pcap"
    workloads.write_frames(path, frames)
    ended = list(Scan(knowledge, prove=False)(Captures([str(path)]), str(path)))[-1]
    assert isinstance(ended, Ended)
    assert ended.time_ns == workloads.START_NS + len(frames) * workloads.STEP_NS


def test_what_was_remembered_of_one_file_is_gone_with_the_next(
    knowledge: Knowledge, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture, made, make = str(repository / "src/egret/data/demo/egret-demo.pcapng"), [], Scan._pipeline

    def noted(scan: Scan) -> Pipeline:
        made.append(weakref.ref(pipeline := make(scan)))
        return pipeline

    monkeypatch.setattr(Scan, "_pipeline", noted)
    scan = Scan(knowledge, prove=False)
    for _ in range(3):
        list(scan(Captures([capture]), capture))
    assert [each() is None for each in made[:2]] == [True, True]


def test_proofs_where_they_are_asked_for(knowledge: Knowledge, repository: Path) -> None:
    hits = [hit for step in steps(knowledge, repository, prove=True) if isinstance(step, Found) for hit in step.hits]
    assert any(hit.proof is not None for hit in hits)


def test_what_crosses_to_another_process_is_the_same_but_for_the_message(
    knowledge: Knowledge, repository: Path
) -> None:
    scan = Scan(knowledge, prove=True)
    for step in steps(knowledge, repository, prove=True):
        again = scan.load(scan.dump(step))
        assert again == step
        if isinstance(again, Found):
            assert all(hit.event.raw is None for hit in again.hits)
            assert all(hit.match.signature is knowledge.catalog.get(hit.match.signature.id) for hit in again.hits)


def test_a_network_s_signature_crosses_as_well(knowledge: Knowledge) -> None:
    ends = Endpoint(b"\xc0\0\2\1", 1), Endpoint(b"\xc0\0\2\2", 443)
    signature = next(iter(UNNAMED.values()))
    event = Connection(time_ns=0, transport=Transport.TCP, client=ends[0], server=ends[1], named_by=NamedBy.NOTHING)
    step = Found((), (Hit(event, Match(signature, "AS1", None)),))
    scan = Scan(knowledge, prove=False)
    assert scan.load(scan.dump(step)) == step
    assert scan.load(scan.dump(Ended(0, {}))) == Ended(0, {})
