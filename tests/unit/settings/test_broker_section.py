from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from egret.settings.broker_section import KafkaOutput, NatsOutput

GOOD: dict[str, Any] = {"name": "bus", "servers": ["kafka.example:9093", "[2001:db8::1]:9092"]}


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EGRET_TEST_PASSWORD", "pw")


def test_little_is_needed() -> None:
    kafka, nats = KafkaOutput.model_validate(GOOD), NatsOutput.model_validate(GOOD)
    assert (kafka.topic, kafka.format, kafka.tls) == ("egret-alerts", "ecs", False)
    assert (nats.subject, nats.stream, nats.token) == ("egret.alerts", None, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"servers": []}, "at least 1"),
        ({"servers": ["kafka.example"]}, "host:port"),
        ({"servers": ["nats://kafka.example:4222"]}, "host:port"),
        ({"servers": ["kafka.example:70000"]}, "host:port"),
        ({"timeout": "10m"}, "between"),
        ({"tls_ca": "/ca.pem"}, "tls: true"),
        ({"tls": True, "tls_key": "/k.pem"}, "without `tls_cert`"),
        ({"username": "me"}, "go together"),
        ({"password": "pw", "username": "me"}, "does not belong"),
    ],
)
def test_what_both_refuse(change: dict[str, Any], message: str) -> None:
    for section in (KafkaOutput, NatsOutput):
        with pytest.raises(ValidationError, match=message):
            section.model_validate(GOOD | change)


@pytest.mark.parametrize("topic", ["", "..", "a b", "a/b", "x" * 250])
def test_what_is_no_topic(topic: str) -> None:
    with pytest.raises(ValidationError, match="is no topic"):
        KafkaOutput.model_validate(GOOD | {"topic": topic})


@pytest.mark.parametrize("subject", ["", "a..b", "a.*", "a.>", "a b", "a\nb"])
def test_what_is_no_subject(subject: str) -> None:
    with pytest.raises(ValidationError, match="is no subject"):
        NatsOutput.model_validate(GOOD | {"subject": subject})


def test_a_password_does_not_travel_in_the_clear() -> None:
    login = {"username": "me", "password": "env:EGRET_TEST_PASSWORD"}
    assert KafkaOutput.model_validate(GOOD | login).mechanism == "SCRAM-SHA-512"
    assert KafkaOutput.model_validate(GOOD | login | {"mechanism": "PLAIN", "tls": True}).tls
    with pytest.raises(ValidationError, match="PLAIN"):
        KafkaOutput.model_validate(GOOD | login | {"mechanism": "PLAIN"})
    with pytest.raises(ValidationError, match="not both"):
        NatsOutput.model_validate(GOOD | login | {"token": "env:EGRET_TEST_PASSWORD"})
