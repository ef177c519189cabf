from __future__ import annotations

import pytest

from egret.cli import volume_checks
from egret.cli.findings import Level
from egret.cli.volume_checks import check_conntrack
from egret.settings.config import Config, override

LACKS = ["right CAP_NET_ADMIN: run as root", "counters in it: sysctl"]


def config(word: str, **more: object) -> Config:
    return override(Config(), {"volume": {"conntrack": word, **more}})


@pytest.mark.parametrize(
    ("word", "lacks", "found"),
    [
        ("auto", [], [(Level.OK, False)]),
        ("on", [], [(Level.OK, False)]),
        ("auto", LACKS, [(Level.OK, False)]),
        ("on", LACKS, [(Level.WARN, True)] * 2),
        ("off", LACKS, []),
    ],
)
def test_what_is_missing_is_said(
    monkeypatch: pytest.MonkeyPatch, word: str, lacks: list[str], found: list[tuple[Level, bool]]
) -> None:
    monkeypatch.setattr(volume_checks, "missing", lambda: lacks)
    findings = list(check_conntrack(config(word)))
    assert [(each.level, bool(each.remedy)) for each in findings] == found
    said = "".join(each.found for each in findings)
    assert all(lack.partition(":")[0] in said for lack in lacks) or word == "off"


def test_where_nothing_is_counted_nothing_is_said() -> None:
    assert list(check_conntrack(config("on", enabled=False))) == []
    assert list(check_conntrack(override(config("on"), {"capture": {"backend": "portable"}}))) == []
