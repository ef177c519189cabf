"""From settings to outputs: a sink and its delivery for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from egret.alerts.formats.digest import digest_to_ecs
from egret.alerts.formats.ecs import alert_to_ecs
from egret.alerts.formats.sensor import sensor_to_ecs
from egret.alerts.model import Incident, Sensor
from egret.alerts.routing import Route, wanted
from egret.alerts.template import render
from egret.daemon.brokers import BrokerSection, broker_sink
from egret.daemon.logs import LogSection, log_sink
from egret.errors import ConfigError
from egret.model import Severity
from egret.settings.alertmanager_section import Alertmanager
from egret.settings.apprise_section import AppriseOutput
from egret.settings.broker_section import KafkaOutput, NatsOutput
from egret.settings.outputs_section import Outputs as OutputSettings
from egret.settings.outputs_section import TerminalOutput, Webhook
from egret.settings.spool_section import Spool
from egret.settings.syslog_section import SyslogOutput
from egret.sinks import apprise, kafka, nats
from egret.sinks.alertmanager import AlertmanagerOptions, AlertmanagerSink
from egret.sinks.apprise import AppriseOptions, AppriseSink
from egret.sinks.base import Delivery, DeliveryOptions, Sink, Watcher
from egret.sinks.outputs import Outputs
from egret.sinks.terminal import TerminalOptions, TerminalSink
from egret.sinks.webhook import WebhookOptions, WebhookSink

OutputSection = TerminalOutput | LogSection | Webhook | Alertmanager | AppriseOutput | BrokerSection
OpenNow = Callable[[], Iterable[Incident]]
_AGAIN = "restart Egret, which may read its packages until it gives up root; if that fails, install it again"
_REMOTE_CAP_S = 300.0
_LOCAL_CAP_S = 30.0  # a disk or a terminal is tried again sooner than somebody else's server


class Plan(NamedTuple):
    """What an output rests on: while that is equal, the output is the same."""

    name: str
    section: OutputSection
    routes: tuple[Route, ...]
    spool: Spool


def make_outputs(
    settings: OutputSettings, sensor: Sensor, watch: Watcher, open_now: OpenNow = tuple
) -> tuple[Outputs, Sequence[Delivery]]:
    """The outputs of the settings, not yet started, and their deliveries, for names and health."""
    deliveries = [make_delivery(plan, sensor, watch, open_now) for plan in wanted_outputs(settings)]
    return Outputs(deliveries), deliveries


def preload(settings: OutputSettings) -> None:
    """Load the packages that only some outputs need: at the start, while there is the right to read them.

    Raises:
        ConfigError: one that always comes with Egret cannot be read.
    """
    for sections, extra in ((settings.kafka, kafka), (settings.nats, nats)):
        if sections:
            with suppress(ImportError):  # ``health`` says it
                extra.library()
    if settings.apprise:
        try:
            apprise.library()
        except ImportError as error:
            raise ConfigError(f"outputs.apprise: its package cannot be read: {error}", None, _AGAIN) from error


def wanted_outputs(settings: OutputSettings) -> list[Plan]:
    """Every output that is switched on."""
    sections: list[tuple[str, OutputSection]] = []
    if settings.terminal.enabled:
        sections.append(("terminal", settings.terminal))
    if settings.file.path is not None:
        sections.append(("file", settings.file))
    if settings.journal.enabled:
        sections.append(("journal", settings.journal))
    sections += [(each.name, each) for each in settings.named]
    return [Plan(name, section, _routes(settings, name), settings.spool) for name, section in sections]


def _routes(settings: OutputSettings, name: str) -> tuple[Route, ...]:
    return tuple(route.as_route() for route in settings.routes if name in route.to)


def make_delivery(plan: Plan, sensor: Sensor, watch: Watcher, open_now: OpenNow = tuple) -> Delivery:
    """One output, not yet started; *open_now* gives the incidents that are open, for outputs that repeat them."""
    sink, options = _sink(plan, sensor, open_now)
    spool = plan.spool
    bounded = replace(
        options,
        routes=plan.routes,
        queue_length=spool.max_alerts,
        max_age_s=spool.max_age.total_seconds(),
        backoff_cap_s=min(options.backoff_cap_s, spool.backoff_cap.total_seconds()),
    )
    return Delivery(sink, bounded, watch)


def _sink(plan: Plan, sensor: Sensor, open_now: OpenNow) -> tuple[Sink, DeliveryOptions]:
    section = plan.section
    if isinstance(section, Webhook):
        return _webhook(section, sensor)
    if isinstance(section, Alertmanager):
        return _alertmanager(section, plan.routes, sensor, open_now)
    if isinstance(section, AppriseOutput):
        options = _remote(section.min_severity, section.timeout.total_seconds())
        return AppriseSink(AppriseOptions(name=section.name, urls=tuple(url.reveal() for url in section.urls))), options
    if isinstance(section, KafkaOutput | NatsOutput):
        return broker_sink(section, sensor), _remote(section.min_severity, section.timeout.total_seconds(), batch=64)
    local = DeliveryOptions(min_severity=section.min_severity, batch=64, backoff_cap_s=_LOCAL_CAP_S)
    if isinstance(section, TerminalOutput):
        return TerminalSink(TerminalOptions()), local
    remote = isinstance(section, SyslogOutput) and section.transport != "unix"
    return log_sink(section, sensor), replace(local, backoff_cap_s=_REMOTE_CAP_S) if remote else local


def _remote(min_severity: Severity, timeout_s: float, batch: int = 1) -> DeliveryOptions:
    return DeliveryOptions(min_severity=min_severity, batch=batch, send_timeout_s=timeout_s + 1, backoff_cap_s=3600.0)


def _alertmanager(
    section: Alertmanager, routes: tuple[Route, ...], sensor: Sensor, open_now: OpenNow
) -> tuple[Sink, DeliveryOptions]:
    timeout_s, least = section.timeout.total_seconds(), section.min_severity
    options = AlertmanagerOptions(
        name=section.name,
        peers=tuple(url.reveal() for url in section.urls),
        sensor=sensor,
        headers={name: value.reveal() for name, value in section.headers.items()},
        timeout_s=timeout_s,
        repeat_s=section.repeat.total_seconds(),
        expire_s=section.expire.total_seconds(),
        severity_label=section.severity_label,
        open_now=open_now,
        wants=lambda alert: alert.severity.rank >= least.rank and wanted(routes, alert),
    )
    return AlertmanagerSink(options), _remote(least, timeout_s, batch=100)


def _webhook(webhook: Webhook, sensor: Sensor) -> tuple[Sink, DeliveryOptions]:
    timeout_s = webhook.timeout.total_seconds()
    made = webhook.filled_template
    options = WebhookOptions(
        name=webhook.name,
        url=webhook.url.reveal(),
        render=partial(alert_to_ecs, sensor=sensor) if made is None else partial(render, made),
        render_sensor=partial(sensor_to_ecs, sensor=sensor) if made is None else partial(render, made),
        render_digest=partial(digest_to_ecs, sensor=sensor) if made is None else partial(render, made),
        timeout_s=timeout_s,
        secret=webhook.hmac_secret.reveal().encode() if webhook.hmac_secret else None,
        headers={name: value.reveal() for name, value in webhook.headers.items()},
    )
    return WebhookSink(options), _remote(webhook.min_severity, timeout_s)
