"""Alerts as messages of a NATS subject; the only door to nats-py.

With a stream (JetStream) an alert counts as delivered when the stream has stored it; ``Nats-Msg-Id`` is the alert's
id, by which the server drops repeats within the stream's window. Without one it counts when a server has read it: NATS
then keeps nothing, and who does not listen at that moment never gets it.

The library's own reconnecting is off: it would hold messages in memory and say nothing. A connection that ended is
made anew at the next attempt, which the delivery times.
"""

from __future__ import annotations

import asyncio
import importlib.util
import math
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from egret.alerts.digest import Digest
from egret.alerts.model import Alert
from egret.alerts.sensor import SensorAlert
from egret.errors import SinkRejected, SinkTemporary
from egret.names import printable
from egret.sinks.records import Login, Record, RecordForm
from egret.sinks.tls import TlsOptions

if TYPE_CHECKING:
    from nats.aio.client import Client

MISSING = "the package is not installed; pip install 'egret-monitor[nats]'"
_TOO_LARGE = 10054  # JetStream's err_code for a message above the stream's max_msg_size
_CLOSE_S = 0.5
_MOST_HEARD = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsOptions:
    """Where messages go, and what they look like."""

    name: str
    servers: tuple[str, ...]
    subject: str
    form: RecordForm
    stream: str | None = None
    timeout_s: float = 10.0
    tls: TlsOptions | None = None
    login: Login | None = None
    token: str | None = field(default=None, repr=False)
    client: str = "egret"


class NatsSink:
    """Publishes messages."""

    def __init__(self, options: NatsOptions) -> None:
        self.name = options.name
        self._options = options
        self._turn = asyncio.Lock()  # alerts about the sensor come on a lane of their own
        self._client: Client | None = None
        self._heard: deque[str] = deque(maxlen=_MOST_HEARD)  # what went wrong beside the answers, in this attempt

    def health(self) -> str | None:
        """Whether the package is there, and the certificates can be used."""
        if importlib.util.find_spec("nats") is None:
            return f"nats {self.name}: {MISSING}"
        trouble = None if self._options.tls is None else self._options.tls.trouble()
        return None if trouble is None else f"nats {self.name}: {trouble}"

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Publish *alerts* in order; see ``Sink.send``."""
        await self._publish([self._options.form.of(alert) for alert in alerts])

    async def warn(self, alert: SensorAlert) -> None:
        """Publish *alert*; see ``sinks.notices.Warns``."""
        await self._publish([self._options.form.about_sensor(alert)])

    async def digest(self, digest: Digest) -> None:
        """Publish *digest*; see ``sinks.base.TakesDigests``."""
        await self._publish([self._options.form.of_day(digest)])

    async def _publish(self, records: Sequence[Record]) -> None:
        async with self._turn:
            self._heard.clear()
            try:
                async with asyncio.timeout(self._options.timeout_s):
                    client = await self._connected()
                    for record in records:
                        await self._hand_over(client, record)
                    await self._settle(client)
            except SinkRejected:
                raise
            except Exception as error:  # the library raises many kinds, on whatever a server may send
                why = self._reason(error)  # before closing adds its own troubles
                await self._drop()
                raise SinkTemporary(self._words(why)) from error
            except BaseException:
                await self._drop()
                raise

    async def _hand_over(self, client: Client, record: Record) -> None:
        from nats.errors import MaxPayloadError  # noqa: PLC0415 - an extra: only who uses it has it
        from nats.js.errors import APIError  # noqa: PLC0415 - as above

        headers = {"Nats-Msg-Id": record.id, "Egret-Key": record.key, "Content-Type": record.content_type}
        subject, stream = self._options.subject, self._options.stream
        try:
            if stream is None:
                await client.publish(subject, record.body, headers=headers)
            else:
                context = client.jetstream(timeout=self._options.timeout_s)
                await context.publish(subject, record.body, stream=stream, headers=dict(headers))
        except MaxPayloadError as error:
            raise SinkRejected(self._words(f"a message of {len(record.body)} bytes is too large for it")) from error
        except APIError as error:
            if error.err_code == _TOO_LARGE:
                raise SinkRejected(self._words(f"the stream refuses {len(record.body)} bytes")) from error
            raise

    async def _settle(self, client: Client) -> None:
        """A server that answers has read what came before; without a stream nothing else does."""
        if self._options.stream is None:
            while client.pending_data_size:  # noqa: ASYNC110 - its ping would overtake what its own task has yet to write
                await asyncio.sleep(0)
            await client.flush(math.ceil(self._options.timeout_s))
        if self._heard:  # a subject that we may not publish to, for one
            raise SinkTemporary(self._heard[-1])

    def _reason(self, error: Exception) -> str:
        """Why; what was heard beside says more than a time-out or a server list that came to its end."""
        if isinstance(error, SinkTemporary):
            return str(error.args[0])
        if self._heard:
            return self._heard[-1]
        if isinstance(error, TimeoutError):
            return f"no answer in {self._options.timeout_s:g} s"
        if type(error).__name__ == "NoStreamResponseError":
            return f"no stream takes the subject {self._options.subject}"
        return f"{type(error).__name__}: {error}"

    def _words(self, why: str) -> str:
        return printable(f"nats {self.name}: {why}")

    async def _connected(self) -> Client:
        if self._client is not None and not self._client.is_connected:
            await self._drop()
        return self._client or await self._connect()

    async def _connect(self) -> Client:
        options, login = self._options, self._options.login
        try:
            self._client = client = cast("Client", library().Client())
        except ImportError as error:
            raise SinkTemporary(f"{MISSING} ({error})") from error

        def told(secret: str) -> Callable[[], str]:
            return lambda: self._safely(client, secret)

        await client.connect(
            [f"nats://{server}" for server in options.servers],
            error_cb=self._hear,
            name=options.client,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=math.ceil(options.timeout_s / len(options.servers)),
            tls=None if options.tls is None else await asyncio.to_thread(options.tls.context),
            user=None if login is None else told(login.username),
            password=None if login is None else told(login.password),
            token=None if options.token is None else told(options.token),
        )
        self._safely(client, "")
        self._heard.clear()  # of servers that did not answer, before this one
        return client

    def _safely(self, client: Client, secret: str) -> str:
        """*secret*, unless the connection is to be encrypted and is not: the library would go on in the clear.

        Raises:
            SinkTemporary: a server without TLS, or somebody between who says so.
        """
        if self._options.tls is not None and not client._server_info.get("tls_required"):  # noqa: SLF001 - it tells nowhere else
            raise SinkTemporary("the server offers no TLS; nothing was sent")
        return secret

    async def _hear(self, error: Exception) -> None:
        self._heard.append(f"{type(error).__name__}: {error}")

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                async with asyncio.timeout(_CLOSE_S):
                    await client.close()

    async def close(self) -> None:
        """End the connection; nothing waits in it."""
        async with self._turn:
            await self._drop()


def library() -> Any:
    """Load nats-py's client.

    Raises:
        ImportError: it is not installed.
    """
    import nats.aio.client  # noqa: PLC0415 - an extra: only who uses it has it

    return nats.aio.client
