"""YAML in the documentation can be used as it stands: as a configuration, or as signatures that pass the lint."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from egret.catalog.lint import lint
from egret.settings.bundled import signatures_dir
from egret.settings.config import load_config
from egret.settings.signatures import load_located
from tests.support.documents import Block, blocks

YAML = blocks("yaml")
SIGNATURES = [block for block in YAML if re.search(r"^signatures:", block.text, re.MULTILINE)]
CONFIGURATIONS = [block for block in YAML if block not in SIGNATURES]


def test_there_are_both_kinds() -> None:
    assert len(SIGNATURES) >= 2
    assert len(CONFIGURATIONS) >= 5


@pytest.mark.parametrize("block", CONFIGURATIONS, ids=str)
def test_a_configuration_loads(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in re.findall(r"env:(\w+)", block.text):
        value = "https://chat.example/hook" if name.endswith("_URL") else "a secret of enough bytes for a key"
        monkeypatch.setenv(name, value)
    file = tmp_path / "egret.yaml"
    file.write_text(block.text, encoding="utf-8")
    assert load_config(file) is not None


@pytest.mark.parametrize("block", SIGNATURES, ids=str)
def test_signatures_pass_the_lint_beside_the_bundled_ones(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "example.yaml"
    file.write_text(block.text, encoding="utf-8")
    located = load_located([signatures_dir(), tmp_path])
    reviewed = date.fromisoformat(re.findall(r"last_reviewed: (\S+)", block.text)[0])
    findings = [str(finding) for finding in lint(located, reviewed) if Path(finding.place.file) == file]
    assert findings == []
