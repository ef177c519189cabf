from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from egret.settings import shelf, signatures
from egret.settings.bundled import signatures_dir
from egret.settings.catalogue import bundled_resolvers, load_catalog
from egret.settings.resolvers import load_resolvers
from egret.settings.signatures import load_located


def test_what_is_kept_is_what_the_files_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    shelf._place("catalogue").parent.mkdir(parents=True)
    first, resolvers = load_catalog(), bundled_resolvers()
    monkeypatch.setattr(signatures, "load_located", lambda _: pytest.fail("was kept"))
    kept = load_catalog()
    assert (kept.signatures, kept.version) == (first.signatures, first.version)
    assert list(kept.signatures) == [item.signature for item in load_located([signatures_dir()])]
    assert bundled_resolvers().resolvers == resolvers.resolvers == load_resolvers().resolvers
    assert len(load_catalog(disabled=[kept.signatures[0].id]).signatures) == len(kept.signatures) - 1


def test_every_file_that_decides_it_is_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    sources: list[Path] = []

    def stamps(given: Iterable[str]) -> list[str]:
        sources.extend(map(Path, given))
        raise OSError

    monkeypatch.setattr(shelf, "_stamps", stamps)
    load_catalog(), bundled_resolvers()
    assert {path.name for path in signatures_dir().glob("*.yaml")} <= {path.name for path in sources}
    assert {"signatures.py", "signature_file.py", "model.py"} <= {path.name for path in sources}
    assert all(path.is_file() for path in sources)


@pytest.mark.slow
def test_a_start_needs_no_yaml(tmp_path: Path) -> None:
    program = """
import sys
from egret.settings.catalogue import bundled_resolvers, load_catalog
from egret.settings.config import load_config
config = load_config(None)
load_catalog(config.signature_folders), bundled_resolvers()
print("yaml" in sys.modules, "pydantic.plugin._loader" in sys.modules)
"""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPYCACHEPREFIX": str(tmp_path), "HOME": str(tmp_path), "STATE_DIRECTORY": str(tmp_path)}
    said = [
        subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert [each.stdout for each in said] == ["True True\n", "False False\n"]
