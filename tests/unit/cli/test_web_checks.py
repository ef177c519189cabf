from __future__ import annotations

from pathlib import Path

import pytest

from egret.cli.findings import Level
from egret.cli.web_checks import check_web
from egret.settings.config import Config
from egret.settings.http_section import Http, HttpTls
from egret.web.tls import Certificate
from tests.support.certificates import Authority
from tests.support.login import USER


def said(http: Http) -> list[tuple[str, Level]]:
    return [(finding.check, finding.level) for finding in check_web(Config(http=http))]


def test_nothing_to_say() -> None:
    assert said(Http()) == []
    assert said(Http(users=(USER,), tls_by_proxy=True)) == []
    assert said(Http(users=(USER,), enabled=False)) == []


def test_a_login_in_the_clear() -> None:
    assert said(Http(users=(USER,))) == [("login", Level.WARN)]


@pytest.mark.parametrize(("left_days", "level"), [(400, Level.OK), (13, Level.WARN), (-1, Level.FAIL)])
def test_how_long_the_certificate_holds(
    left_days: int, level: Level, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = Authority(tmp_path).issue("egret.example")
    tls = HttpTls(certificate=certificate, key=key)
    end_s = Certificate(tls).until_s
    monkeypatch.setattr("time.time", lambda: end_s - left_days * 86_400 - 60 * (left_days > 0))
    assert said(Http(tls=tls, users=(USER,))) == [("certificate", level)]


def test_a_certificate_that_cannot_be_used(tmp_path: Path) -> None:
    assert said(Http(tls=HttpTls(certificate=tmp_path / "gone.pem"))) == [("certificate", Level.FAIL)]
