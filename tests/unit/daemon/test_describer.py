from __future__ import annotations

from pathlib import Path

import pytest

from egret.alerts.incidents import IncidentPolicy, Incidents
from egret.alerts.model import Sensor
from egret.alerts.veil import CLEAR
from egret.daemon.describer import Describer, folder
from egret.daemon.rules import bounds
from egret.daemon.setup import Knowledge, load_knowledge
from egret.evidence import Raw
from egret.settings.config import Config
from egret.settings.evidence_section import EvidenceSettings
from egret.value import replace
from egret.worker.pipeline import Hit
from egret.worker.proving import Prover
from tests.support.hello import client_hello
from tests.support.pipeline import CATALOG, seen


@pytest.fixture
def knowledge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Knowledge:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    return load_knowledge(Config(evidence=EvidenceSettings(per_incident=2)))


def test_bounds_are_those_of_the_settings(knowledge: Knowledge) -> None:
    assert bounds(knowledge.config) == folder(knowledge.config).bounds
    assert (bounds(knowledge.config).per_incident, bounds(knowledge.config).max_bytes) == (2, 64 << 20)


def test_a_piece_is_of_its_incident(knowledge: Knowledge) -> None:
    match = CATALOG.match_name("www.chat.example")
    assert match is not None
    event = replace(seen("www.chat.example"), raw=Raw(client_hello(b"www.chat.example")))
    hit = Prover(lambda _client, _address: None)(Hit(event, match))
    assert hit.proof is not None
    detection, incidents = knowledge.judge.detect(hit.event, hit.match), Incidents(IncidentPolicy())
    incidents.feed(detection)
    (incident,) = incidents.open_incidents
    piece = Describer(knowledge, Sensor("1", "gw"), CLEAR)(detection, hit.proof, incident)
    assert piece.incident == incident.id
    assert piece.packets
