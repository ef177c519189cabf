from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest

from egret.cli import checks
from egret.cli.checks import CHECKS
from egret.cli.findings import Finding, Level
from egret.errors import ConfigError, ConfigErrors, GeoError, SourceError
from egret.geo.database import GeoDatabase
from egret.settings.config import Config, override
from egret.settings.values import Listen
from egret.sources.placement import Placement
from egret.worker import engine

CONFIG = Config()
PORTABLE = override(CONFIG, {"capture": {"backend": "portable"}})


def one(check: Callable[[Config], Iterator[Finding]], config: Config = CONFIG) -> Finding:
    (finding,) = check(config)
    return finding


def failing(error: Exception) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_without_the_compiled_gate_it_says_what_would_be_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "compiled", SimpleNamespace(opens_quic=lambda: True))
    assert one(checks._gate).level is Level.OK
    monkeypatch.setattr(engine, "compiled", None)
    finding = one(checks._gate)
    assert (finding.level, "compiler" in finding.remedy) == (Level.WARN, True)


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch) -> None:
    placement = Placement(("lan0",), ("lan0 faces the inside",), ())
    monkeypatch.setattr(checks, "choose", lambda *_: placement)


def test_every_bad_finding_has_a_remedy(monkeypatch: pytest.MonkeyPatch, placed: None) -> None:
    monkeypatch.setattr(checks, "may_capture", lambda: "no right: become root")
    findings = [finding for check in CHECKS for finding in check(CONFIG)]
    assert all(finding.remedy for finding in findings if finding.level is not Level.OK)
    assert {"python", "rights", "interfaces", "catalogue", "database", "clock", "port", "disk"} <= {
        f.check for f in findings
    }


def test_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "may_capture", lambda: None)
    assert one(checks._rights).level is Level.OK
    monkeypatch.setattr(checks, "may_capture", lambda: "capturing needs CAP_NET_RAW: run as root")
    assert one(checks._rights) == Finding("rights", Level.FAIL, "capturing needs CAP_NET_RAW", "run as root")
    assert one(checks._rights, PORTABLE).level is Level.WARN
    monkeypatch.setattr(checks, "may_capture", lambda: "no packet sockets; use --backend portable")
    assert one(checks._rights).remedy == "use --backend portable"


def test_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert one(checks._user, override(CONFIG, {"capture": {"user": "nobody"}})).level is Level.OK
    assert one(checks._user, override(CONFIG, {"capture": {"user": "no-such-user-here"}})).level is Level.FAIL
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert list(checks._user(CONFIG)) == []


class PacketSocket:
    def __init__(self, *_: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    error: OSError | None = None

    def setsockopt(self, *_: object) -> None:
        if self.error:
            raise self.error


def test_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "may_capture", lambda: None)
    monkeypatch.setattr(socket, "socket", PacketSocket)
    assert one(checks._ring).level is Level.OK
    monkeypatch.setattr(PacketSocket, "error", OSError(22, "Invalid argument"))
    assert one(checks._ring).level is Level.FAIL
    assert list(checks._ring(PORTABLE)) == []


def test_interfaces_and_offloads(monkeypatch: pytest.MonkeyPatch, placed: None) -> None:
    monkeypatch.setattr(
        checks, "_ethtool", lambda _, command: 1 if command == checks._ETHTOOL_GGRO else checks._FLAG_LRO
    )
    found = list(checks._interfaces(CONFIG))
    assert [f.found for f in found] == [
        "lan0 faces the inside",
        "lan0: GRO and LRO on: frames of up to 64 KB, which fit",
    ]
    monkeypatch.setattr(checks, "_ethtool", lambda *_: 0)
    assert "off" in list(checks._interfaces(CONFIG))[1].found
    monkeypatch.setattr(checks, "_ethtool", lambda *_: None)
    assert "does not say" in list(checks._interfaces(CONFIG))[1].found
    monkeypatch.setattr(checks, "choose", failing(SourceError("no interface eth9")))
    assert one(checks._interfaces).level is Level.FAIL


def test_the_driver_is_asked_safely() -> None:
    assert checks._ethtool("no-such-interface", checks._ETHTOOL_GGRO) is None
    assert checks._ethtool("lo", checks._ETHTOOL_GGRO) in {None, 0, 1}


def test_scapy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert one(checks._portable).level is Level.OK
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert one(checks._portable).level is Level.OK
    assert one(checks._portable, PORTABLE).level is Level.FAIL


def test_canary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "hardware_type", lambda name: {"lo": 772, "eth0": 1}[name])
    assert one(checks._canary) == Finding("canary", Level.OK, "every 60 s on lo")
    assert one(checks._canary, override(CONFIG, {"canary": {"interface": "eth0"}})).level is Level.FAIL
    assert one(checks._canary, override(CONFIG, {"canary": {"enabled": False}})).level is Level.WARN
    monkeypatch.setattr(checks, "hardware_type", failing(OSError("no such interface")))
    assert one(checks._canary).level is Level.FAIL
    assert list(checks._canary(PORTABLE)) == []


def test_catalogue_and_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    assert one(checks._catalog).level is Level.OK
    assert one(checks._clock).level is Level.OK
    reviewed = SimpleNamespace(last_reviewed="2026-01-01")
    monkeypatch.setattr(checks, "load_catalog", lambda *_: SimpleNamespace(version="v", signatures=[reviewed]))
    monkeypatch.setattr(time, "time", lambda: 1_767_225_600.0 + 365 * 86_400)  # 2027-01-01
    assert one(checks._catalog).level is Level.WARN
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    assert one(checks._clock).level is Level.FAIL
    monkeypatch.setattr(checks, "load_catalog", lambda *_: SimpleNamespace(version="v", signatures=[]))
    assert one(checks._catalog).level is Level.FAIL
    assert one(checks._clock).level is Level.OK
    broken = ConfigErrors([ConfigError("one"), ConfigError("two")])
    monkeypatch.setattr(checks, "load_catalog", failing(broken))
    assert one(checks._catalog).found == "one and 1 more"
    assert one(checks._clock).level is Level.OK


def test_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = one(checks._databases)
    assert "days ago" in fresh.found
    monkeypatch.setattr(time, "time", lambda: 4_000_000_000.0)
    assert one(checks._databases).level is Level.WARN
    monkeypatch.setattr(GeoDatabase, "open", failing(GeoError("x.mmdb: no database")))
    assert one(checks._databases).found == "x.mmdb: no database; Egret works without"


def test_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        assert one(checks._port, override(CONFIG, {"http": {"listen": listen}})).level is Level.WARN
    assert one(checks._port, override(CONFIG, {"http": {"listen": listen}})).level is Level.OK
    elsewhere = CONFIG.http.model_copy(update={"listen": Listen("192.0.2.1", 9477)})  # nobody's address here
    far = CONFIG.model_copy(update={"http": elsewhere})
    assert one(checks._port, far).level is Level.FAIL
    assert one(checks._port, override(CONFIG, {"http": {"enabled": False}})).found == "the status page is off"


def test_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = override(CONFIG, {"store": {"path": str(tmp_path / "not/yet/there.db")}})
    levels = []
    for free in (1 << 30, 100 << 20, 1 << 20):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        levels.append(one(checks._disk, config).level)
    assert levels == [Level.OK, Level.WARN, Level.FAIL]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 40))
    monkeypatch.setattr(os, "access", lambda _, mode: mode == os.F_OK)
    assert one(checks._disk, config).level is Level.WARN


def test_secrets(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("hunter2")
    hook = {"name": "soc", "url": "https://soc.example/", "hmac_secret": f"file:{key}"}
    config = override(CONFIG, {"outputs": {"webhooks": [hook]}})
    key.chmod(0o604)
    assert one(checks._secrets, config).level is Level.WARN
    key.chmod(0o600)
    assert list(checks._secrets(config)) == []


def test_a_secret_is_found_wherever_it_stands(tmp_path: Path) -> None:
    names = ("url", "body", "chat", "header", "broker", "update", "key.pem")
    files = {name: tmp_path / name for name in names}
    for file in files.values():
        file.write_text("https://u:p@soc.example/x")
        file.chmod(0o644)
    outputs = {
        "webhooks": [
            {"name": "a", "url": f"file:{files['url']}", "template": {"k": [f"${{file:{files['body']}}}"]}},
            {"name": "b", "url": "https://b.example/", "headers": {"X-Key": f"file:{files['header']}"}},
        ],
        "apprise": [{"name": "c", "urls": [f"file:{files['chat']}"]}],
        "kafka": [
            {"name": "d", "servers": ["k:9"], "username": "u", "password": f"file:{files['broker']}"}
            | {"tls": True, "tls_cert": "/c.pem", "tls_key": str(files["key.pem"])}
        ],
    }
    config = Config.model_validate({"outputs": outputs, "catalog": {"update": {"url": f"file:{files['update']}"}}})
    assert set(checks.secret_files(config)) == set(files.values())
    assert len(list(checks._secrets(config))) == len(files)


def test_the_key_of_a_syslog_output_is_a_secret(tmp_path: Path) -> None:
    key = tmp_path / "sensor.key"
    key.write_text("key")
    key.chmod(0o644)
    siem = {"name": "siem", "transport": "tls", "host": "siem.example", "tls_cert": "/c.pem", "tls_key": str(key)}
    config = Config.model_validate({"outputs": {"syslog": [siem]}})
    assert one(checks._secrets, config).level is Level.WARN
    key.chmod(0o640)
    assert list(checks._secrets(config)) == []
