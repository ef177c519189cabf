from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from egret.errors import ConfigError
from egret.settings.http_section import HttpTls
from egret.web.tls import LOOK_EVERY_S, Certificate
from tests.support.certificates import Authority


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def issued(folder: Path, name: str) -> HttpTls:
    certificate, key = Authority(folder).issue(name)
    return HttpTls(certificate=certificate, key=key)


def served(certificate: Certificate) -> str:
    """What a client is shown: a handshake in memory."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    left = client.wrap_bio(to_client, to_server)
    right = certificate.context.wrap_bio(to_server, to_client, server_side=True)
    for side in (left, right, left, right):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    shown = left.getpeercert(binary_form=True)
    assert shown is not None
    return shown.decode("latin-1")


def move(new: Path | None, old: Path | None) -> None:
    assert new is not None
    assert old is not None
    new.replace(old)


def test_a_renewed_certificate_holds_for_new_connections(tmp_path: Path) -> None:
    clock, tls = Clock(), issued(tmp_path, "first.example")
    made = Certificate(tls, clock)
    assert "first.example" in served(made)
    other = issued(tmp_path, "second.example")
    move(other.certificate, tls.certificate)
    assert made.refresh() is None  # it has just looked
    clock.now_s += LOOK_EVERY_S
    assert "key values mismatch" in (made.refresh() or "")
    assert "first.example" in served(made)
    move(other.key, tls.key)
    clock.now_s += LOOK_EVERY_S
    assert made.refresh() is None
    assert "second.example" in served(made)


def test_files_that_are_gone_leave_the_old(tmp_path: Path) -> None:
    clock, tls = Clock(), issued(tmp_path, "first.example")
    made = Certificate(tls, clock)
    assert tls.key
    tls.key.unlink()
    clock.now_s += LOOK_EVERY_S
    assert "cannot be read" in (made.refresh() or "")
    assert "first.example" in served(made)


def test_other_files_are_adopted_or_refused(tmp_path: Path) -> None:
    made = Certificate(issued(tmp_path, "first.example"))
    made.adopt(issued(tmp_path, "second.example"))
    assert "second.example" in served(made)
    with pytest.raises(ConfigError, match="cannot be read"):
        made.adopt(HttpTls(certificate=tmp_path / "gone.pem"))
    assert "second.example" in served(made)


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no PEM")
    with pytest.raises(ConfigError, match=r"http.tls: .*broken.pem cannot be used"):
        Certificate(HttpTls(certificate=broken))
