"""From settings to the outputs that are logs: the file, syslog, the journal."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from egret.alerts.formats.digest import DIGEST_LINES
from egret.alerts.formats.lines import LINES
from egret.alerts.formats.sensor_lines import SENSOR_LINES
from egret.alerts.formats.syslog import SyslogForm
from egret.alerts.model import Sensor
from egret.settings.syslog_section import FileOutput, JournalOutput, SyslogOutput
from egret.sinks.base import Sink
from egret.sinks.journal import JournalOptions, JournalSink
from egret.sinks.jsonl import JsonLinesOptions, JsonLinesSink
from egret.sinks.syslog import SyslogOptions, SyslogSink
from egret.sinks.syslog_wire import LocalWire, StreamWire, UdpWire, Wire
from egret.sinks.tls import TlsOptions

LogSection = FileOutput | SyslogOutput | JournalOutput


def log_sink(section: LogSection, sensor: Sensor) -> Sink:
    """The sink of one section; a file's must have its path."""
    if isinstance(section, JournalOutput):
        return JournalSink(JournalOptions(sensor=sensor))
    if isinstance(section, SyslogOutput):
        return _syslog(section, sensor)
    return _file(section, section.path or Path(), sensor)


def _file(section: FileOutput, path: Path, sensor: Sensor) -> Sink:
    line, warning, summary = LINES[section.format], SENSOR_LINES[section.format], DIGEST_LINES[section.format]
    every = section.rotate_every
    options = JsonLinesOptions(
        path=path,
        line=lambda alert: line(alert, sensor, None),
        warning=lambda alert: warning(alert, sensor),
        summary=lambda digest: summary(digest, sensor, None),
        rotate_bytes=None if section.rotate_mb is None else section.rotate_mb << 20,
        rotate_s=None if every is None else int(every.total_seconds()),
        keep=section.keep,
        compress=section.compress,
        fsync=section.fsync == "always",
    )
    return JsonLinesSink(options)


def _syslog(section: SyslogOutput, sensor: Sensor) -> Sink:
    form = SyslogForm(
        sensor=sensor,
        form=section.format,
        facility=section.facility,
        process=str(os.getpid()),
        limit=section.limit,
        local=section.transport == "unix",
    )
    return SyslogSink(SyslogOptions(name=section.name, wire=_wire(section), form=form))


def _wire(section: SyslogOutput) -> Wire:
    if section.transport == "unix" or section.host is None:
        return LocalWire(section.socket)
    if section.transport == "udp":
        return UdpWire(section.host, section.target_port)
    stream = partial(StreamWire, section.host, section.target_port)
    if section.transport == "tcp":
        return stream()
    return stream(
        TlsOptions(
            ca=section.tls_ca, certificate=section.tls_cert, key=section.tls_key, server_name=section.tls_server_name
        )
    )
