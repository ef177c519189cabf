"""The section ``outputs``: where alerts go."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PrivateAttr, field_serializer, model_validator

from egret.alerts import template
from egret.model import Severity
from egret.settings.alertmanager_section import Alertmanager
from egret.settings.apprise_section import AppriseOutput
from egret.settings.broker_section import KafkaOutput, NatsOutput
from egret.settings.digest_section import DigestSettings
from egret.settings.routing_section import RouteSettings
from egret.settings.sections import Section
from egret.settings.spool_section import Spool
from egret.settings.syslog_section import FileOutput, JournalOutput, SyslogOutput
from egret.settings.units import AttemptTime
from egret.settings.values import HIDDEN, HeaderName, MaybeSecret, Secret, SecretText, Slug, http_url, parse_secret

_KEY = re.compile(r"(?:key|token|secret|password|authorization)s?$", re.IGNORECASE)
_REFERENCES = re.compile(r"(?:\$\{[^}]*\})*")


class TerminalOutput(Section):
    """Alerts as readable lines on standard output."""

    enabled: bool = Field(default=True, description="Print alerts")
    min_severity: Severity = Field(default=Severity.LOW, description="The least severe alert to print")


def _hidden(value: Any, *, secret: bool = False) -> Any:
    """A template for people to look at: without what its keys say are secrets, written there as they are."""
    if isinstance(value, dict):
        return {name: _hidden(part, secret=secret or bool(_KEY.search(name))) for name, part in value.items()}
    if isinstance(value, list):
        return [_hidden(part, secret=secret) for part in value]
    return HIDDEN if secret and isinstance(value, str) and not _REFERENCES.fullmatch(value) else value


def _template(value: dict[str, Any]) -> dict[str, Any]:
    template.check(value)
    return value


class Webhook(Section):
    """Alerts as JSON, posted to a URL and retried until it takes them."""

    name: Slug = Field(description="Its name in metrics and on the status page")
    url: Annotated[MaybeSecret, AfterValidator(http_url)] = Field(
        description="Where to post; http or https, or `file:`/`env:` that holds it; never shown"
    )
    min_severity: Severity = Field(default=Severity.MEDIUM, description="The least severe alert to send")
    timeout: AttemptTime = Field(default=timedelta(seconds=10), description="How long one attempt may take")
    headers: dict[HeaderName, MaybeSecret] = Field(
        default_factory=dict, description="Headers to add; a value may be `file:/path` or `env:NAME`; never shown"
    )
    hmac_secret: SecretText | None = Field(
        default=None, description="`file:/path` or `env:NAME` of a key to sign each request with (HMAC-SHA256)"
    )
    template: Annotated[dict[str, Any], AfterValidator(_template)] | None = Field(
        default=None,
        description="The JSON to post, with `${field}` in its texts (docs/alerts.md), for a secret `${env:NAME}` "
        "or `${file:/path}`; null: ECS",
    )
    _secrets: dict[str, Secret] = PrivateAttr(default_factory=dict)  # of the template

    @property
    def filled_template(self) -> dict[str, Any] | None:
        """The template with its secrets in it: not to be shown."""
        secrets = {place: secret.reveal() for place, secret in self._secrets.items()}
        return None if self.template is None else template.fill(self.template, secrets)

    @field_serializer("template")
    def _without_keys(self, value: dict[str, Any] | None) -> Any:
        return _hidden(value)

    @model_validator(mode="after")
    def _read_secrets(self) -> Self:
        self._secrets.update({place: parse_secret(place) for place in template.references(self.template)})
        return self

    @model_validator(mode="after")
    def _one_authorization(self) -> Self:
        """Sending both at once is refused by aiohttp, alert by alert; say it before the first."""
        in_headers = any(name.lower() == "authorization" for name in self.headers)
        if in_headers and "@" in urlsplit(self.url.reveal()).netloc:
            raise ValueError("the url holds a user name and the headers an Authorization; keep one of them")
        return self


class Outputs(Section):
    """Where alerts go."""

    terminal: TerminalOutput = Field(default=TerminalOutput.default(), description="")
    file: FileOutput = Field(default=FileOutput.default(), description="")
    journal: JournalOutput = Field(default=JournalOutput.default(), description="")
    syslog: tuple[SyslogOutput, ...] = Field(default=(), description="Receivers of alerts as syslog messages")
    webhooks: tuple[Webhook, ...] = Field(default=(), description="Receivers of alerts as JSON")
    alertmanagers: tuple[Alertmanager, ...] = Field(default=(), description="Alertmanagers that show open incidents")
    apprise: tuple[AppriseOutput, ...] = Field(default=(), description="Chat, mail and pagers")
    kafka: tuple[KafkaOutput, ...] = Field(default=(), description="Kafka topics")
    nats: tuple[NatsOutput, ...] = Field(default=(), description="NATS subjects, with JetStream or without")
    routes: tuple[RouteSettings, ...] = Field(
        default=(), description="Which outputs get which alerts; an output in none gets all from its `min_severity`"
    )
    digest: DigestSettings = Field(default=DigestSettings.default(), description="")
    spool: Spool = Field(default=Spool.default(), description="")

    @property
    def named(self) -> list[SyslogOutput | Webhook | Alertmanager | AppriseOutput | KafkaOutput | NatsOutput]:
        """The outputs that are lists, in the order of the options."""
        return [*self.syslog, *self.webhooks, *self.alertmanagers, *self.apprise, *self.kafka, *self.nats]

    @property
    def names(self) -> list[str]:
        """Every output's name, also of those that are switched off."""
        return ["terminal", "file", "journal", *(each.name for each in self.named)]

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise ValueError(f"two outputs are named '{twice[0]}'; their metrics could not be told apart")
        return self

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> Self:
        for name in (name for route in self.routes for name in route.to if name not in self.names):
            raise ValueError(f"a route goes to '{name}', but there are only {', '.join(self.names)}")
        return self

    @model_validator(mode="after")
    def _digest_leads_somewhere(self) -> Self:
        silent = {each.name for each in self.alertmanagers}
        for name in self.digest.to:
            if name not in self.names:
                raise ValueError(f"the digest goes to '{name}', but there are only {', '.join(self.names)}")
            if name in silent:
                raise ValueError(f"the digest goes to '{name}', but an Alertmanager has no place for one")
        return self
