from __future__ import annotations

import pytest

from tests.support.patience import PATIENCE_S


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that stalls is no disk that hangs; where a disk hangs, the test says how long is waited for it."""
    for where in (
        "ledger.STORE_PATIENCE_S",
        "digests.STORE_PATIENCE_S",
        "evidence.PATIENCE_S",
        "client_watch.PATIENCE_S",
    ):
        monkeypatch.setattr(f"egret.daemon.{where}", PATIENCE_S)
