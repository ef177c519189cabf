from __future__ import annotations

from egret.settings.suggest import suggest


def test_suggest() -> None:
    assert suggest("vender", ["vendor", "service"]) == "did you mean 'vendor'?"
    assert suggest("zzz", ["vendor"]) is None
