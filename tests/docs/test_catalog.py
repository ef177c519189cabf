"""The signature that docs/catalog.md shows is one."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from egret.catalog.lint import lint
from egret.settings.bundled import signatures_dir
from egret.settings.signatures import load_located


def test_the_example_loads_and_is_clean(repository: Path, tmp_path: Path) -> None:
    text = (repository / "docs" / "catalog.md").read_text()
    example, *_ = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "example.yaml").write_text(example)
    located = load_located([signatures_dir(), tmp_path])
    found = lint(located, date(2026, 11, 22))
    assert [str(finding) for finding in found if finding.place.file.startswith(str(tmp_path))] == []
    assert len([item for item in located if item.signature.id.startswith("example-cloud.")]) == 2
