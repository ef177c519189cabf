from __future__ import annotations

import ipaddress
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from egret.settings.values import (
    FilePath,
    HeaderName,
    Interface,
    Listen,
    Secret,
    Slug,
    Workers,
    parse_listen,
    parse_maybe_secret,
    parse_moment,
    parse_network,
    parse_secret,
    switch,
)


@pytest.mark.parametrize("text", ["192.0.2.0/24", "192.0.2.1", "2001:db8::/32", "::1", "0.0.0.0/0"])
def test_networks(text: str) -> None:
    assert parse_network(text) == ipaddress.ip_network(text)
    assert parse_network(parse_network(text)) == ipaddress.ip_network(text)


def test_a_network_with_host_bits_says_what_was_meant() -> None:
    with pytest.raises(ValueError, match=r"did you mean 192\.0\.2\.0/24\?"):
        parse_network("192.0.2.7/24")


@pytest.mark.parametrize("text", ["", "host.example", "192.0.2.0/33", "192.0.2", 7.5, "192.0.2.1-9"])
def test_what_is_no_network(text: object) -> None:
    with pytest.raises(ValueError, match="is no address or network"):
        parse_network(text)


@pytest.mark.parametrize("name", ["eth0", "br-lan", "wg0.7", "a" * 15, "enp0s31f6"])
def test_interfaces(name: str) -> None:
    assert TypeAdapter(Interface).validate_python(name) == name


@pytest.mark.parametrize("name", ["", "a" * 16, "eth 0", "eth/0", "eth:1", ".", ".."])
def test_what_is_no_interface(name: str) -> None:
    with pytest.raises(ValidationError, match="cannot be the name of an interface"):
        TypeAdapter(Interface).validate_python(name)


def test_slugs_and_headers() -> None:
    assert TypeAdapter(Slug).validate_python("soc-1") == "soc-1"
    assert TypeAdapter(HeaderName).validate_python("X-Token") == "X-Token"
    for bad in ("SOC", "", "-soc", "a b"):
        with pytest.raises(ValidationError):
            TypeAdapter(Slug).validate_python(bad)
    for bad in ("", "a b", "a:b", "a\r\nb"):
        with pytest.raises(ValidationError):
            TypeAdapter(HeaderName).validate_python(bad)


def test_moments() -> None:
    end = datetime(2027, 1, 1, tzinfo=UTC)
    assert parse_moment("2026-12-31") == end
    assert parse_moment(date(2026, 12, 31)) == end
    assert parse_moment("2026-12-31T18:00:00+02:00") == datetime(2026, 12, 31, 16, tzinfo=UTC)
    assert parse_moment("2026-12-31 18:00:00Z") == datetime(2026, 12, 31, 18, tzinfo=UTC)
    assert parse_moment(end) == end


def test_a_time_without_zone_says_so() -> None:
    with pytest.raises(ValueError, match='needs its zone; write it as "2026-12-31T18:00:00Z"'):
        parse_moment("2026-12-31T18:00")


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01", "31.12.2026", 7, "9999-12-31"])
def test_what_is_no_moment(text: object) -> None:
    with pytest.raises(ValueError, match="is no date"):
        parse_moment(text)


def test_listening() -> None:
    assert parse_listen("127.0.0.1:9477") == Listen("127.0.0.1", 9477)
    assert str(parse_listen("[::1]:9477")) == "[::1]:9477"
    assert parse_listen("localhost:80").is_loopback
    assert not parse_listen("0.0.0.0:80").is_loopback
    assert parse_listen(Listen("::1", 1)) == Listen("::1", 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9477",
        ":9477",
        "127.0.0.1",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "::1:9477",
        "gw:9477",
        "127.0.0.1:x",
        "127.0.0.1:٣",
    ],
)
def test_what_cannot_be_listened_on(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it as 127\.0\.0\.1:9477"):
        parse_listen(text)


def test_a_secret_is_read_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key"
    file.write_text("hunter2\n")
    monkeypatch.setenv("EGRET_TEST_TOKEN", "hunter3")
    secrets = [parse_secret(f"file:{file}"), parse_secret("env:EGRET_TEST_TOKEN"), parse_maybe_secret("hunter4")]
    assert [secret.reveal() for secret in secrets] == ["hunter2", "hunter3", "hunter4"]
    assert parse_secret(secrets[0]) is secrets[0]
    shown = f"{secrets} {secrets[0]} {secrets[1]!s} {secrets[2]!r}"
    assert "hunter" not in shown


def test_a_literal_secret_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="does not belong in this file") as error:
        parse_secret("hunter2")
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"a\nb", b"a\x00b", b"\xff", b"x" * 5000])
def test_a_file_that_holds_no_secret(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=str(file)):
        parse_secret(f"file:{file}")


@pytest.mark.parametrize("text", ["file:/nonexistent/key", "file:/", "env:EGRET_NOT_SET", "env:", "env:A-B"])
def test_a_secret_that_is_not_there(text: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be read|is not set"):
        parse_secret(text)


def test_a_secret_is_text() -> None:
    with pytest.raises(ValueError, match="not a text"):
        parse_maybe_secret(12)


def test_workers_are_a_number_or_auto() -> None:
    adapter = TypeAdapter[object](Workers)
    assert [adapter.validate_python(each) for each in (1, 64, "auto")] == [1, 64, "auto"]
    for bad in (0, 65, "many", None, True, 1.5):
        with pytest.raises(ValidationError, match="a number from 1 to 64, or auto"):
            adapter.validate_python(bad)


def test_switches_survive_yaml_booleans() -> None:
    assert [switch(True), switch(False), switch("auto")] == ["on", "off", "auto"]


def test_paths() -> None:
    assert TypeAdapter(FilePath).validate_python("~/x").is_absolute()
    for bad in ("/a\0b", "/a\nb", "~no-such-user-here/x"):
        with pytest.raises(ValidationError, match=r"control characters|whose home"):
            TypeAdapter(FilePath).validate_python(bad)


def test_secrets_are_equal_by_value() -> None:
    assert Secret("", "a") == Secret("", "a")
