from __future__ import annotations

from datetime import timedelta

import pytest

from egret.errors import ConfigErrors
from egret.settings.config import read_config
from egret.settings.evidence_section import EvidenceSettings
from egret.settings.positions import parse


def evidence(text: str) -> EvidenceSettings:
    return read_config(parse(text.encode(), "t.yaml")).evidence


def test_it_is_on_small_and_expires() -> None:
    settings = evidence("evidence: {}")
    assert (settings.enabled, settings.keep, settings.max_mb) == (True, timedelta(days=30), 64)
    assert evidence("evidence: {enabled: false, keep: 7d, per_incident: 2}").per_incident == 2


@pytest.mark.parametrize("text", ["evidence: {keep: 10m}", "evidence: {max_mb: 0}", "evidence: {per_incident: 65}"])
def test_what_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ConfigErrors, match=r"t\.yaml:1"):
        evidence(text)
