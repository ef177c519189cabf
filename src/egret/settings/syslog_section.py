"""Outputs that are logs: the file, syslog, the journal."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from egret.alerts.formats.lines import JSON_LINES
from egret.alerts.formats.syslog import Facility, smallest
from egret.model import Severity
from egret.settings.sections import Section
from egret.settings.units import Duration
from egret.settings.values import FilePath, Slug

_HOST = re.compile(r"[A-Za-z0-9._:%-]{1,253}")  # a name or an address, without brackets
_PORTS = {"udp": 514, "tcp": 514, "tls": 6514}
_DATAGRAM = 2048  # bytes: RFC 5426 section 3.2, what receivers should take
_STREAM = 8192  # bytes: RFC 5425 section 4.3.1, the same
_ROOM_FOR_JSON = 16_384  # most alerts are whole in it


class FileOutput(Section):
    """Alerts as lines in a file."""

    path: FilePath | None = Field(default=None, description="File to append to, reopened after rotation; null: none")
    min_severity: Severity = Field(default=Severity.LOW, description="The least severe alert to write")
    format: Literal["ecs", "ocsf", "eve", "jsonl", "cef", "leef"] = Field(
        default="ecs", description="What a line looks like; `jsonl` is Egret's own form"
    )
    rotate_mb: int | None = Field(
        default=None, ge=1, le=102_400, description="Begin a new file before it grows beyond this, in MiB; null: never"
    )
    rotate_every: Duration | None = Field(
        default=None, description="Begin a new file when a new hour, day ... of this length begins (UTC); null: never"
    )
    keep: int = Field(default=7, ge=0, le=1000, description="Rotated files that are kept: `.1` is the newest")
    compress: bool = Field(default=False, description="Compress rotated files (gzip)")
    fsync: Literal["never", "always"] = Field(
        default="never",
        description="`always`: an alert counts as delivered once it is on the disk; `never`: once the system has it",
    )

    @field_validator("rotate_every")
    @classmethod
    def _not_a_flood_of_files(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and value < timedelta(minutes=1):
            raise ValueError('at least "1m"')
        return value


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError(f"'{value}' is no host name or address; the port has an option of its own")
    return value


class SyslogOutput(Section):
    """Alerts as syslog messages (RFC 5424)."""

    name: Slug = Field(description="Its name in metrics and on the status page")
    transport: Literal["udp", "tcp", "tls", "unix"] = Field(
        description="`tcp` and `tls` count octets (RFC 6587, RFC 5425); `unix` is a datagram socket of this host"
    )
    host: Annotated[str, AfterValidator(_host)] | None = Field(
        default=None, description="Name or address of the receiver; for `unix` null"
    )
    port: int | None = Field(default=None, ge=1, le=65535, description="null: 514, for `tls` 6514")
    path: FilePath | None = Field(default=None, description="The socket, for `unix`; null: `/dev/log`")
    format: Literal["text", "cef", "leef", "eve", "ecs", "ocsf", "jsonl"] = Field(
        default="text", description="`text`: a sentence, and the facts as structured data; others: that, as the text"
    )
    facility: Facility = Field(default=Facility.LOCAL0, description="The facility; the level follows the severity")
    min_severity: Severity = Field(default=Severity.LOW, description="The least severe alert to send")
    max_bytes: int | None = Field(
        default=None,
        ge=480,
        le=65_000,
        description="Size of the largest message, beyond which it is cut; null: 2048 by UDP, else 8192, JSON 16384",
    )
    tls_ca: FilePath | None = Field(default=None, description="PEM file of whom to trust; null: the system's")
    tls_cert: FilePath | None = Field(default=None, description="PEM file of our own certificate, where asked for")
    tls_key: FilePath | None = Field(default=None, description="PEM file of its key; null: in the same file")
    tls_server_name: str | None = Field(
        default=None, min_length=1, max_length=253, description="Name that the certificate must have; null: `host`"
    )

    @property
    def target_port(self) -> int:
        """The port, or the transport's own."""
        return self.port or _PORTS.get(self.transport, 0)

    @property
    def socket(self) -> Path:
        """The local socket."""
        return self.path or Path("/dev/log")

    @property
    def limit(self) -> int:
        """Bytes of the largest message."""
        if self.max_bytes is not None:
            return self.max_bytes
        if self.format in JSON_LINES:
            return _ROOM_FOR_JSON
        return _DATAGRAM if self.transport == "udp" else _STREAM

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        local = self.transport == "unix"
        if local and (self.host or self.port):
            raise ValueError("a socket of this host has a path, and neither host nor port")
        if not local and self.host is None:
            raise ValueError("name the receiver in `host`")
        if not local and self.path is not None:
            raise ValueError("`path` is for transport: unix")
        options = (self.tls_ca, self.tls_cert, self.tls_key, self.tls_server_name)
        if self.transport != "tls" and any(option is not None for option in options):
            raise ValueError("`tls_...` options are for transport: tls")
        if self.tls_key is not None and self.tls_cert is None:
            raise ValueError("`tls_key` without `tls_cert`")
        return self

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if self.limit < smallest(self.format):
            raise ValueError(f"a message of {self.format} needs max_bytes of {smallest(self.format)} or more")
        return self


class JournalOutput(Section):
    """Alerts as entries of systemd's journal, with fields (`journalctl -t egret -o verbose`)."""

    enabled: bool = Field(default=False, description="Write them; where standard output goes there too, see `terminal`")
    min_severity: Severity = Field(default=Severity.LOW, description="The least severe alert to write")
