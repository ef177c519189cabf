"""Alerts as records of a Kafka topic; the only door to confluent-kafka.

A record counts as delivered when every replica in sync has it (acks=all), and no retry of the client's own doubles it
(idempotence). What Egret tries again may come twice: the header ``egret-alert`` is its key. Records of one incident
share a key, so they share a partition and keep their order.

librdkafka works in threads of its own; what waits for its reports is a thread here, never the event loop. After a
failure the client is thrown away with all that it still wanted to send; the next attempt begins with a new one.
"""

from __future__ import annotations

import importlib.util
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from egret.alerts.digest import Digest
from egret.alerts.model import Alert
from egret.alerts.sensor import SensorAlert
from egret.errors import SinkRejected, SinkTemporary
from egret.names import printable
from egret.sinks.blocking import OneAtATime
from egret.sinks.records import Login, Record, RecordForm
from egret.sinks.tls import TlsOptions

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message, Producer

MISSING = "the package is not installed; pip install 'egret-monitor[kafka]'"
_NEVER = frozenset({"MSG_SIZE_TOO_LARGE", "INVALID_MSG", "INVALID_MSG_SIZE", "INVALID_RECORD", "RECORD_LIST_TOO_LARGE"})
_VAGUE = "_ALL_BROKERS_DOWN"  # it says that, not why
_SILENT = logging.getLogger("librdkafka")  # what it would write on standard error, past our own log
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaOptions:
    """Where records go, and what they look like."""

    name: str
    servers: tuple[str, ...]
    topic: str
    form: RecordForm
    timeout_s: float = 10.0
    tls: TlsOptions | None = None
    login: Login | None = None
    mechanism: str = "SCRAM-SHA-512"
    client: str = "egret"

    def settings(self) -> dict[str, Any]:
        """The same in librdkafka's words."""
        made: dict[str, Any] = {
            "bootstrap.servers": ",".join(self.servers),
            "client.id": self.client,
            "acks": "all",
            "enable.idempotence": True,
            "message.timeout.ms": max(1, int(self.timeout_s * 1000)),
            "socket.timeout.ms": max(10, int(self.timeout_s * 1000)),
            "linger.ms": 0,
            "security.protocol": f"{'sasl_' if self.login else ''}{'ssl' if self.tls else 'plaintext'}",
        }
        if self.login is not None:
            made |= {"sasl.mechanism": self.mechanism, "sasl.username": self.login.username}
            made["sasl.password"] = self.login.password
        if self.tls is not None:
            files = {
                "ca": self.tls.ca,
                "certificate": self.tls.certificate,
                "key": self.tls.key or self.tls.certificate,
            }
            made |= {f"ssl.{name}.location": str(path) for name, path in files.items() if path is not None}
        return made


@dataclass(slots=True)
class _Attempt:
    """What the broker said of one batch so far."""

    waiting: int
    errors: list[KafkaError] = field(default_factory=list)
    why: str = ""  # the newest trouble of a connection

    def report(self, error: KafkaError | None, _message: Message) -> None:
        """Hear of one record."""
        self.waiting -= 1
        if error is not None:
            self.errors.append(error)


class KafkaSink:
    """Produces records."""

    def __init__(self, options: KafkaOptions) -> None:
        self.name = options.name
        self._options = options
        self._producer: Producer | None = None
        self._attempt = _Attempt(0)
        self._worker = OneAtATime(f"sink {options.name}")

    def health(self) -> str | None:
        """Whether the package is there, and the certificates can be used."""
        if importlib.util.find_spec("confluent_kafka") is None:
            return f"kafka {self.name}: {MISSING}"
        trouble = None if self._options.tls is None else self._options.tls.trouble()
        return None if trouble is None else f"kafka {self.name}: {trouble}"

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Produce *alerts* and wait for the report of each; see ``Sink.send``."""
        records = [self._options.form.of(alert) for alert in alerts]
        await self._worker.run(lambda: self._produce(records))

    async def warn(self, alert: SensorAlert) -> None:
        """Produce *alert*; see ``sinks.notices.Warns``."""
        record = self._options.form.about_sensor(alert)
        await self._worker.run(lambda: self._produce([record]))

    async def digest(self, digest: Digest) -> None:
        """Produce *digest*; see ``sinks.base.TakesDigests``."""
        record = self._options.form.of_day(digest)
        await self._worker.run(lambda: self._produce([record]))

    def _produce(self, records: Sequence[Record]) -> None:
        """Blocks, for not much longer than the time-out."""
        producer = self._open()
        self._attempt = attempt = _Attempt(len(records))
        try:
            for record in records:
                self._hand_over(producer, record, attempt)
            self._wait(producer, attempt)
        except BaseException:
            self._drop()
            raise

    def _hand_over(self, producer: Producer, record: Record, attempt: _Attempt) -> None:
        headers: list[tuple[str, str | bytes | None]] = [
            ("egret-alert", record.id.encode()),
            ("content-type", record.content_type.encode()),
        ]
        try:
            producer.produce(self._options.topic, record.body, record.key, on_delivery=attempt.report, headers=headers)
        except BufferError as error:
            raise SinkTemporary(f"kafka {self.name}: the client's own queue is full") from error
        except library().KafkaException as error:
            raise self._said(error.args[0]) from error

    def _wait(self, producer: Producer, attempt: _Attempt) -> None:
        until_s = time.monotonic() + self._options.timeout_s + 0.5  # its own time-out comes first, and says why
        while attempt.waiting and not attempt.errors and time.monotonic() < until_s:
            producer.poll(0.1)
        if attempt.errors:
            raise self._said(attempt.errors[0])
        if attempt.waiting:
            raise SinkTemporary(self._words(f"no acknowledgement in {self._options.timeout_s:g} s"))

    def _said(self, error: KafkaError) -> SinkTemporary | SinkRejected:
        if error.name() in _NEVER:
            return SinkRejected(printable(f"kafka {self.name}: {error.str()}"))
        return SinkTemporary(self._words(error.str()))

    def _words(self, what: str) -> str:
        """*what*, and the newest trouble on the way to the broker: that a time ran out does not say why."""
        return printable(f"kafka {self.name}: {what}{f': {self._attempt.why}' if self._attempt.why else ''}")

    def _open(self) -> Producer:
        if self._producer is None:
            try:
                kafka = library()
            except ImportError as error:
                raise SinkTemporary(f"kafka {self.name}: {MISSING} ({error})") from error
            if (trouble := self.health()) is not None:  # in plainer words than librdkafka has
                raise SinkTemporary(trouble)
            try:
                settings = {**self._options.settings(), "error_cb": self._heard, "logger": _SILENT}
                self._producer = kafka.Producer(settings)
            except kafka.KafkaException as error:
                raise self._said(error.args[0]) from error
        return self._producer

    def _heard(self, error: KafkaError) -> None:
        if error.name() != _VAGUE:
            self._attempt.why = error.str()

    def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
            producer.close()

    async def close(self) -> None:
        """Close the connections; nothing waits in them."""
        await self._worker.run(self._drop)


def library() -> Any:
    """Load confluent-kafka.

    Raises:
        ImportError: it is not installed.
    """
    import confluent_kafka  # noqa: PLC0415 - an extra: only who uses it has it

    return confluent_kafka
