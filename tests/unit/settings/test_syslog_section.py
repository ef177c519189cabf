from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from egret.settings.syslog_section import FileOutput, JournalOutput, SyslogOutput


def syslog(**values: Any) -> SyslogOutput:
    return SyslogOutput.model_validate({"name": "siem", "transport": "tcp", "host": "siem.example"} | values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"host": None}, "name the receiver"),
        ({"host": "siem.example/x"}, "no host name"),
        ({"host": "tcp://siem"}, "no host name"),
        ({"transport": "unix"}, "neither host nor port"),
        ({"path": "/dev/log"}, "transport: unix"),
        ({"tls_ca": "/ca.pem"}, "transport: tls"),
        ({"transport": "tls", "tls_key": "/k.pem"}, "without `tls_cert`"),
        ({"max_bytes": 100}, "greater than or equal"),
        ({"format": "ecs", "max_bytes": 2048}, "needs max_bytes of"),
        ({"facility": "kern"}, "Input should be"),
        ({"port": 0}, "greater than or equal"),
        ({"name": "A b"}, "is no name"),
    ],
)
def test_what_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        syslog(**values)


def test_defaults_follow_the_transport_and_the_format() -> None:
    assert [syslog(transport=name).target_port for name in ("udp", "tcp", "tls")] == [514, 514, 6514]
    assert [syslog(transport=name).limit for name in ("udp", "tcp", "tls")] == [2048, 8192, 8192]
    assert syslog(transport="udp", format="eve").limit == 16_384
    assert syslog(max_bytes=1000, port=601).limit == 1000
    local = SyslogOutput.model_validate({"name": "local", "transport": "unix"})
    assert (local.socket, local.target_port) == (Path("/dev/log"), 0)
    assert JournalOutput().enabled is False


def test_a_file_is_not_rotated_every_second() -> None:
    assert FileOutput.model_validate({"rotate_every": "1d"}).rotate_every == timedelta(days=1)
    with pytest.raises(ValidationError, match="at least"):
        FileOutput.model_validate({"rotate_every": "1s"})
