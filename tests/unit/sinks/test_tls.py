from __future__ import annotations

import ssl
from pathlib import Path

from egret.sinks.tls import TlsOptions
from tests.support.certificates import Authority


def test_servers_are_verified(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("sensor.example")
    options = TlsOptions(ca=authority.ca, certificate=certificate, key=key)
    context = options.context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert options.trouble() is None


def test_files_that_cannot_be_used_are_said(tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_text("no certificate")
    assert "No such file" in (TlsOptions(ca=tmp_path / "none.pem").trouble() or "")
    assert "PEM" in (TlsOptions(ca=tmp_path / "bad.pem").trouble() or "")
