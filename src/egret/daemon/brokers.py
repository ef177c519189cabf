"""From settings to the outputs that are message brokers: Kafka, NATS."""

from __future__ import annotations

from egret.alerts.formats.digest import DIGEST_LINES
from egret.alerts.formats.lines import JSON_LINES, LINES
from egret.alerts.formats.sensor_lines import SENSOR_LINES
from egret.alerts.model import Sensor
from egret.settings.broker_section import KafkaOutput, NatsOutput
from egret.sinks.base import Sink
from egret.sinks.kafka import KafkaOptions, KafkaSink
from egret.sinks.nats import NatsOptions, NatsSink
from egret.sinks.records import Login, RecordForm
from egret.sinks.tls import TlsOptions

BrokerSection = KafkaOutput | NatsOutput


def broker_sink(section: BrokerSection, sensor: Sensor) -> Sink:
    """The sink of one section."""
    if isinstance(section, KafkaOutput):
        return KafkaSink(
            KafkaOptions(
                name=section.name,
                servers=section.servers,
                topic=section.topic,
                form=_form(section, sensor),
                timeout_s=section.timeout.total_seconds(),
                tls=_tls(section),
                login=_login(section),
                mechanism=section.mechanism,
            )
        )
    return NatsSink(
        NatsOptions(
            name=section.name,
            servers=section.servers,
            subject=section.subject,
            form=_form(section, sensor),
            stream=section.stream,
            timeout_s=section.timeout.total_seconds(),
            tls=_tls(section),
            login=_login(section),
            token=section.token.reveal() if section.token else None,
        )
    )


def _form(section: BrokerSection, sensor: Sensor) -> RecordForm:
    line, warning, summary = LINES[section.format], SENSOR_LINES[section.format], DIGEST_LINES[section.format]
    return RecordForm(
        line=lambda alert: line(alert, sensor, None),
        warning=lambda alert: warning(alert, sensor),
        summary=lambda digest: summary(digest, sensor, None),
        content_type="application/json" if section.format in JSON_LINES else "text/plain; charset=utf-8",
    )


def _tls(section: BrokerSection) -> TlsOptions | None:
    if not section.tls:
        return None
    return TlsOptions(ca=section.tls_ca, certificate=section.tls_cert, key=section.tls_key)


def _login(section: BrokerSection) -> Login | None:
    if section.username is None or section.password is None:
        return None
    return Login(section.username, section.password.reveal())
