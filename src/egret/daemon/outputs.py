"""From settings to outputs: a sink and its delivery for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from egret.alerts.formats.ecs import alert_to_ecs
from egret.alerts.model import Sensor
from egret.alerts.routing import Route
from egret.alerts.template import render
from egret.daemon.logs import LogSection, log_sink
from egret.settings.outputs_section import Outputs as OutputSettings
from egret.settings.outputs_section import TerminalOutput, Webhook
from egret.settings.spool_section import Spool
from egret.settings.syslog_section import SyslogOutput
from egret.sinks.base import Delivery, DeliveryOptions, Sink, Watcher
from egret.sinks.outputs import Outputs
from egret.sinks.terminal import TerminalOptions, TerminalSink
from egret.sinks.webhook import WebhookOptions, WebhookSink

OutputSection = TerminalOutput | LogSection | Webhook
_REMOTE_CAP_S = 300.0
_LOCAL_CAP_S = 30.0  # a disk or a terminal is tried again sooner than somebody else's server


class Plan(NamedTuple):
    """What an output rests on: while that is equal, the output is the same."""

    name: str
    section: OutputSection
    routes: tuple[Route, ...]
    spool: Spool


def make_outputs(settings: OutputSettings, sensor: Sensor, watch: Watcher) -> tuple[Outputs, Sequence[Delivery]]:
    """The outputs of the settings, not yet started, and their deliveries, for names and health."""
    deliveries = [make_delivery(plan, sensor, watch) for plan in wanted_outputs(settings)]
    return Outputs(deliveries), deliveries


def wanted_outputs(settings: OutputSettings) -> list[Plan]:
    """Every output that is switched on."""
    sections: list[tuple[str, OutputSection]] = []
    if settings.terminal.enabled:
        sections.append(("terminal", settings.terminal))
    if settings.file.path is not None:
        sections.append(("file", settings.file))
    if settings.journal.enabled:
        sections.append(("journal", settings.journal))
    sections += [(syslog.name, syslog) for syslog in settings.syslog]
    sections += [(webhook.name, webhook) for webhook in settings.webhooks]
    return [Plan(name, section, _routes(settings, name), settings.spool) for name, section in sections]


def _routes(settings: OutputSettings, name: str) -> tuple[Route, ...]:
    return tuple(route.as_route() for route in settings.routes if name in route.to)


def make_delivery(plan: Plan, sensor: Sensor, watch: Watcher) -> Delivery:
    """One output, not yet started."""
    sink, options = _sink(plan.section, sensor)
    spool = plan.spool
    bounded = replace(
        options,
        routes=plan.routes,
        queue_length=spool.max_alerts,
        max_age_s=spool.max_age.total_seconds(),
        backoff_cap_s=min(options.backoff_cap_s, spool.backoff_cap.total_seconds()),
    )
    return Delivery(sink, bounded, watch)


def _sink(section: OutputSection, sensor: Sensor) -> tuple[Sink, DeliveryOptions]:
    local = DeliveryOptions(min_severity=section.min_severity, batch=64, backoff_cap_s=_LOCAL_CAP_S)
    if isinstance(section, Webhook):
        return _webhook(section, sensor)
    if isinstance(section, TerminalOutput):
        return TerminalSink(TerminalOptions()), local
    remote = isinstance(section, SyslogOutput) and section.transport != "unix"
    return log_sink(section, sensor), replace(local, backoff_cap_s=_REMOTE_CAP_S) if remote else local


def _webhook(webhook: Webhook, sensor: Sensor) -> tuple[Sink, DeliveryOptions]:
    timeout_s = webhook.timeout.total_seconds()
    made = webhook.template
    options = WebhookOptions(
        name=webhook.name,
        url=webhook.url.reveal(),
        render=partial(alert_to_ecs, sensor=sensor) if made is None else partial(render, made),
        sensor=sensor,
        timeout_s=timeout_s,
        secret=webhook.hmac_secret.reveal().encode() if webhook.hmac_secret else None,
        headers={name: value.reveal() for name, value in webhook.headers.items()},
    )
    delivery = DeliveryOptions(min_severity=webhook.min_severity, send_timeout_s=timeout_s + 1, backoff_cap_s=3600.0)
    return WebhookSink(options), delivery
