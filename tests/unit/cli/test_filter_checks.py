from __future__ import annotations

import pytest

from egret.cli import filter_checks
from egret.cli.filter_checks import CLASSIC, EBPF, NONE, check_filter
from egret.cli.findings import Finding, Level
from egret.settings.config import Config
from egret.sources.ebpf.loader import UnavailableError


class Loads:
    def __init__(self, *, any_dns: bool) -> None:
        self.any_dns = any_dns

    def close(self) -> None:
        pass


class Refuses:
    def __init__(self, *, any_dns: bool) -> None:
        raise UnavailableError(f"no right {any_dns}")


def findings(monkeypatch: pytest.MonkeyPatch, loader: type, **capture: object) -> list[Finding]:
    monkeypatch.setattr(filter_checks, "YoungStreams", loader)
    monkeypatch.setattr(filter_checks, "may_capture", lambda: None)
    return list(check_filter(Config.model_validate({"capture": capture})))


def said(found: list[Finding]) -> list[str]:
    return [each.found for each in found]


def test_each_filter_says_what_it_passes_loses_and_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(findings(monkeypatch, Loads)) == [EBPF, f"not used, {CLASSIC}"]
    assert said(findings(monkeypatch, Refuses)) == [CLASSIC, f"not used, {EBPF} (cannot be loaded: no right False)"]
    assert said(findings(monkeypatch, Loads, filter="classic")) == [CLASSIC, f"not used, {EBPF}"]
    assert {each.level for each in findings(monkeypatch, Refuses, filter="classic")} == {Level.OK}
    assert [each.level for each in findings(monkeypatch, Loads, filter="none")] == [Level.WARN]
    assert findings(monkeypatch, Loads, filter="none")[0].found == NONE
    (failed,) = findings(monkeypatch, Refuses, filter="ebpf")
    assert (failed.level, failed.found) == (Level.FAIL, "ebpf cannot be loaded: no right False")
    assert all("passes" in words and "loses" in words for words in (EBPF, CLASSIC, NONE))


def test_nothing_where_nothing_can_be_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(monkeypatch, Loads, backend="portable") == []
    monkeypatch.setattr(filter_checks, "may_capture", lambda: "no right")
    assert list(check_filter(Config())) == []
