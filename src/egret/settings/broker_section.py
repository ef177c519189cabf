"""``outputs.kafka`` and ``outputs.nats``: message brokers."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from egret.model import Severity
from egret.settings.sections import Section
from egret.settings.units import AttemptTime
from egret.settings.values import FilePath, SecretText, Slug

_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253}):(\d{1,5})")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")  # what Kafka allows
_SUBJECT = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")  # tokens; wildcards are for who listens


def _server(value: str) -> str:
    found = _SERVER.fullmatch(value)
    if not found or not 0 < int(found[2]) < 65536:
        raise ValueError(
            f"'{value}' is no server; write it as host:port or [2001:db8::1]:port, without nats:// or such"
        )
    return value


def _topic(value: str) -> str:
    if not _TOPIC.fullmatch(value) or value in {".", ".."}:
        raise ValueError(f"'{value}' is no topic; use up to 249 letters, digits, '.', '-' and '_'")
    return value


def _subject(value: str) -> str:
    if not _SUBJECT.fullmatch(value) or len(value) > 255:
        raise ValueError(f"'{value}' is no subject to publish to; write it as egret.alerts, without '*' and '>'")
    return value


class _Broker(Section):
    """What both have."""

    name: Slug = Field(description="Its name in metrics and on the status page")
    servers: tuple[Annotated[str, AfterValidator(_server)], ...] = Field(
        min_length=1, description="Servers to begin with, as `host:port`; the others are learnt from them"
    )
    format: Literal["ecs", "ocsf", "eve", "jsonl", "cef", "leef"] = Field(
        default="ecs", description="What a message looks like; `jsonl` is Egret's own form"
    )
    min_severity: Severity = Field(default=Severity.LOW, description="The least severe alert to send")
    timeout: AttemptTime = Field(default=timedelta(seconds=10), description="How long one attempt may take")
    tls: bool = Field(default=False, description="Encrypt, and verify the server's certificate")
    tls_ca: FilePath | None = Field(default=None, description="PEM file of whom to trust; null: the system's")
    tls_cert: FilePath | None = Field(default=None, description="PEM file of our own certificate, where asked for")
    tls_key: FilePath | None = Field(default=None, description="PEM file of its key; null: in the same file")
    username: str | None = Field(default=None, min_length=1, max_length=200, description="Who we are, where asked for")
    password: SecretText | None = Field(default=None, description="`file:/path` or `env:NAME` of the password")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.tls and any(each is not None for each in (self.tls_ca, self.tls_cert, self.tls_key)):
            raise ValueError("`tls_...` options are for tls: true")
        if self.tls_key is not None and self.tls_cert is None:
            raise ValueError("`tls_key` without `tls_cert`")
        if (self.username is None) is not (self.password is None):
            raise ValueError("`username` and `password` go together")
        return self


class KafkaOutput(_Broker):
    """Alerts as records of a Kafka topic; needs `pip install 'egret-monitor[kafka]'`."""

    topic: Annotated[str, AfterValidator(_topic)] = Field(
        default="egret-alerts", description="The topic; one incident's alerts share a key, and so a partition"
    )
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="How the password is proved (SASL); `PLAIN` only with `tls`"
    )

    @model_validator(mode="after")
    def _not_in_the_clear(self) -> Self:
        if self.password is not None and self.mechanism == "PLAIN" and not self.tls:
            raise ValueError("mechanism PLAIN sends the password as it is; add tls: true, or use SCRAM-SHA-512")
        return self


class NatsOutput(_Broker):
    """Alerts as messages of a NATS subject; needs `pip install 'egret-monitor[nats]'`."""

    subject: Annotated[str, AfterValidator(_subject)] = Field(default="egret.alerts", description="The subject")
    stream: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]{1,255}$",
        description="JetStream stream that must have stored an alert before it counts as delivered; null: none does",
    )
    token: SecretText | None = Field(default=None, description="`file:/path` or `env:NAME` of a token, for a password")

    @model_validator(mode="after")
    def _one_proof(self) -> Self:
        if self.token is not None and self.password is not None:
            raise ValueError("a token or a password, not both")
        return self
