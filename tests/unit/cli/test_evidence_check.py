from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from egret.alerts.model import Sensor
from egret.alerts.veil import CLEAR
from egret.cli.evidence_check import verify
from egret.daemon.describer import Describer, folder
from egret.daemon.setup import Knowledge, load_knowledge
from egret.settings.config import Config
from egret.store.evidence import Kept
from egret.store.seal import Seal
from egret.value import replace
from egret.worker.pipeline import Pipeline
from egret.worker.proving import Prover
from tests.support.alerts import alerts_of
from tests.support.dialogues import dns_answer
from tests.support.hello import Tcp, client_hello, openssl_hello, records, udp

NAME = "chat.qwen.ai"


@pytest.fixture
def knowledge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Knowledge:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    return load_knowledge(Config())


def kept(knowledge: Knowledge, frames: list[Any], *, blind: bool = False) -> Kept:
    """What is kept of the hits in *frames*; *blind*: without the answers that named addresses."""
    pipeline = Pipeline(knowledge.catalog, knowledge.judge)
    prover = Prover((lambda _client, _address: None) if blind else pipeline.observer.lookups.told)
    hits = [prover(hit) for frame in frames for hit in pipeline.feed(frame)]
    hits += [prover(hit) for hit in pipeline.flush()]
    place, describe = folder(knowledge.config), Describer(knowledge, Sensor("1", "gw"), CLEAR)
    incident = None
    for hit in hits:
        detection = knowledge.judge.detect(hit.event, hit.match)
        incident = incident or alerts_of(detection)[0].incident
        if hit.proof is not None:
            place.add(describe(detection, hit.proof, incident))
    assert incident is not None
    found = place.read(incident.id)
    assert found is not None
    return found


def hello(name: str = NAME) -> list[Any]:
    flow = Tcp()
    return [*flow.handshake(), *flow.stream(records(openssl_hello(name)))]


def nameless() -> list[Any]:
    flow = Tcp()
    return [*flow.handshake(), *flow.stream(records(client_hello(None)))]


def told() -> list[Any]:
    return [
        udp(dns_answer(NAME, "198.51.100.20"), source="198.51.100.53", destination="192.0.2.10", sport=53, dport=5353)
    ]


def test_a_hello_proves_itself(knowledge: Knowledge) -> None:
    report = verify(kept(knowledge, hello()), knowledge)
    assert (report.holds, report.intact, report.same_catalog, report.faults) == (True, True, True, ())
    assert [finding.proven for finding in report.findings] == [True]


def test_another_catalogue_is_said_and_may_name_nothing(knowledge: Knowledge) -> None:
    evidence = kept(knowledge, hello())
    other = replace(knowledge, catalog=type(knowledge.catalog)([], "other"))
    report = verify(evidence, other)
    assert (report.holds, report.same_catalog, report.intact) == (False, False, True)
    assert report.findings[0].why == f"the packets name nothing of catalogue other; recorded was {NAME}"


def test_a_connection_is_proven_by_the_answer_that_named_it(knowledge: Knowledge) -> None:
    report = verify(kept(knowledge, [*told(), *nameless()]), knowledge)
    assert [finding.proven for finding in report.findings] == [True, True]


def test_without_the_answer_it_is_not_shown(knowledge: Knowledge) -> None:
    report = verify(kept(knowledge, [*told(), *nameless()], blind=True), knowledge)
    assert [finding.proven for finding in report.findings] == [True, None]
    assert report.holds


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"capture": {"sha256": "0", "bytes": 1}}, "hash"),
        ({"observations": [{}]}, "contradicts itself"),
        ({"observations": [{"packets": [99], "name": None, "packets_sha256": []}]}, "contradicts itself"),
        ({"observations": None}, "contradicts itself"),
    ],
)
def test_a_record_that_was_changed_is_found(knowledge: Knowledge, change: dict[str, Any], fault: str) -> None:
    evidence = kept(knowledge, hello())
    report = verify(evidence._replace(record={**evidence.record, **change}), knowledge)
    assert not report.holds
    assert any(fault in each for each in report.faults)


def test_a_capture_that_breaks_off_is_found(knowledge: Knowledge) -> None:
    evidence = kept(knowledge, hello())
    report = verify(evidence._replace(capture=evidence.capture[:-7]), knowledge)
    assert "cannot be read" in report.faults[0]


def test_an_inner_name_is_not_shown_by_the_hello_alone(knowledge: Knowledge) -> None:
    evidence = kept(knowledge, hello())
    [shown] = evidence.record["observations"]
    inner = {**shown, "name": "inner.qwen.ai", "attributes": {"via": "ech-lookup"}}
    report = verify(evidence._replace(record={**evidence.record, "observations": [inner]}), knowledge)
    assert report.findings[0].proven is None


def test_where_the_key_is_known_a_record_without_its_seal_is_doubted(knowledge: Knowledge, tmp_path: Path) -> None:
    found, key = kept(knowledge, hello()), Seal(tmp_path).known()
    assert key is not None
    assert verify(found, knowledge, key).holds
    bare = {name: value for name, value in found.record.items() if name != "seal"}
    report = verify(found._replace(record=bare), knowledge, key)
    assert (report.holds, report.seal) == (False, "not sealed")
    assert "the seal was taken away" in report.faults[0]
    assert verify(found._replace(record=bare), knowledge).holds
    late = Seal(tmp_path).put({**bare, "unsealed_until": "2026-01-01T00:00:00Z"})
    assert verify(found._replace(record=late), knowledge, key).faults == (
        "until 2026-01-01T00:00:00Z the record had no seal that held",
    )
